// Command storage-provisioner makes the volumes of a minikube cluster by minikube's own provisioner. It takes the place
// of minikube's command in minikube's module, which elects a leader by an Endpoints lock that the module's own version of
// client-go has no more: the published image was built with an older one. A cluster of one node has one provisioner.
package main

import (
	"context"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/minikube/pkg/storage"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v6/controller"
)

const (
	folder = "/tmp/hostpath-provisioner"
	name   = "k8s.io/minikube-hostpath"
)

func main() {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		klog.Exit(err)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		klog.Exit(err)
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		klog.Exit(err)
	}
	server, err := cluster.Discovery().ServerVersion()
	if err != nil {
		klog.Exit(err)
	}
	provisioner := storage.NewHostPathProvisioner(folder)
	alone := controller.LeaderElection(false)
	controller.NewProvisionController(cluster, name, provisioner, server.GitVersion, alone).Run(context.Background())
}
