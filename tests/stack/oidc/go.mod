module sigrelay/tests/stack/oidc

go 1.21
