module sigrelay/tests/stack/lossy

go 1.21
