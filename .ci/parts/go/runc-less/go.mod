module runc-less

go 1.25
