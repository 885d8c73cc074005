# A thin front; the work is in the scripts and in CMake.
.PHONY: all demo test portable bench lint format install clean
all:
	scripts/packages.sh build
	cmake --preset release
	cmake --build --preset release
demo:
	./demo.sh
test:
	./test.sh
portable:
	scripts/portable.sh
bench: all
	tests/bench/bench.sh
lint:
	scripts/lint.sh
format:
	git ls-files 'proxy/*.c' 'proxy/*.h' 'include/*.h' 'tests/*.c' 'tests/*.h' | xargs clang-format -i
install: all
	cmake --install build/release
clean:
	rm -rf build
