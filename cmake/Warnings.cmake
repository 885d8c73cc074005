# Warnings are errors, with gcc and clang alike.
add_library(sigrelay_warnings INTERFACE)
target_compile_options(sigrelay_warnings INTERFACE
  -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wformat=2 -Wundef -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference)
