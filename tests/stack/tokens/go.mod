module sigrelay/tests/stack/tokens

go 1.21
