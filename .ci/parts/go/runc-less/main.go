// Command runc-less runs runc where the machine lacks the capability CAP_SYS_RESOURCE, for example in a container or a
// small virtual machine: it takes out of a container's configuration what needs it. Everywhere else it changes nothing.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// programs are where runc is: in the node, where this program has its name, and elsewhere.
var programs = []string{"/usr/sbin/runc.real", "/usr/sbin/runc", "/usr/bin/runc"}

const (
	capability = "CAP_SYS_RESOURCE"
	bit        = 24 // of that capability
	openFiles  = "RLIMIT_NOFILE"
)

func main() {
	if file, container := written(os.Args[1:]); file != "" && !mayRaise() {
		if err := lower(file, container); err != nil {
			fmt.Fprintln(os.Stderr, "runc-less:", err)
			os.Exit(1)
		}
	}
	arguments := append([]string{"runc"}, os.Args[1:]...)
	for _, program := range programs {
		if err := syscall.Exec(program, arguments, os.Environ()); err != syscall.ENOENT {
			fmt.Fprintf(os.Stderr, "runc-less: %s: %v\n", program, err)
		}
	}
	os.Exit(1)
}

// written gives the file with the configuration of the container or process that is to be made, or "" for another
// command, and whether it is that of a container.
func written(args []string) (file string, container bool) {
	command, bundle, process := "", ".", ""
	for index, arg := range args {
		option, value, together := strings.Cut(arg, "=")
		if !together && index+1 < len(args) {
			value = args[index+1]
		}
		switch option {
		case "create", "run", "exec":
			if command == "" {
				command = option
			}
		case "--bundle", "-b":
			bundle = value
		case "--process", "-p":
			process = value
		}
	}
	switch command {
	case "create", "run":
		return filepath.Join(bundle, "config.json"), true
	case "exec":
		return process, false
	}
	return "", false
}

// mayRaise says whether this process has the capability.
func mayRaise() bool {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if value, found := strings.CutPrefix(line, "CapEff:"); found {
			var mask uint64
			fmt.Sscanf(strings.TrimSpace(value), "%x", &mask)
			return mask&(1<<bit) != 0
		}
	}
	return false
}

// lower takes the capability, negative scores for the out-of-memory killer, and too many open files out of a file.
func lower(path string, container bool) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // a limit may be larger than what a float holds
	if err := decoder.Decode(&config); err != nil {
		return err
	}
	process := config
	if container {
		process, _ = config["process"].(map[string]any)
	}
	if process == nil {
		return nil
	}
	if sets, ok := process["capabilities"].(map[string]any); ok {
		for name, set := range sets {
			kept := []any{}
			list, _ := set.([]any)
			for _, one := range list {
				if one != capability {
					kept = append(kept, one)
				}
			}
			sets[name] = kept
		}
	}
	if score, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(score.String(), "-") {
		delete(process, "oomScoreAdj")
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limits, _ := process["rlimits"].([]any)
	for _, one := range limits {
		if entry, ok := one.(map[string]any); ok && entry["type"] == openFiles {
			entry["hard"] = min(number(entry["hard"]), limit.Max)
			entry["soft"] = min(number(entry["soft"]), limit.Max)
		}
	}
	changed, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(path, changed, 0o600)
}

func number(value any) uint64 {
	text, _ := value.(json.Number)
	parsed, _ := strconv.ParseUint(text.String(), 10, 64)
	return parsed
}
