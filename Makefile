# For people. The build itself is Meson's: see meson.build and meson_options.txt.

MESON_FLAGS ?=

.PHONY: run build test test-unit test-fuzz test-e2e test-module bench quality train fuzz lint install deb clean deps-build deps-test

run: build
	@tools/run

build: deps-build
	@tools/setup build --buildtype=release -Dtests=false $(MESON_FLAGS)
	@ninja -C build

test: deps-test build test-unit test-fuzz test-e2e test-module
	@echo "all tests passed"

# Engine under AddressSanitizer and UndefinedBehaviorSanitizer.
test-unit: deps-test
	@tools/setup build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-asan
	@meson test -C build-asan --no-rebuild --print-errorlogs

test-fuzz: deps-test
	@tools/fuzz 8

# Real SDKs through a real nginx.
test-e2e: deps-test build
	@tests/e2e/run

# The module under AddressSanitizer inside a real nginx.
test-module: deps-test test-unit
	@tools/with-asan tests/e2e/run sdk.test.mjs stream.test.mjs input.test.mjs badinput.test.mjs errors.test.mjs \
		shared-attack.test.mjs isolation.test.mjs rotation.test.mjs

bench: deps-test build
	@tools/bench

# What the detectors find in the corpora: docs/quality.md.
quality: deps-test build
	@tools/quality

# The weights of the injection classifier and docs/injection-training.md; takes some minutes.
train: deps-build
	@tools/setup build --buildtype=release -Dtests=false $(MESON_FLAGS)
	@tools/train/run build cv

fuzz: deps-test
	@tools/fuzz $${SECONDS_EACH:-600}

lint: deps-test
	@tools/lint

install: build
	@DESTDIR="$(DESTDIR)" meson install -C build --no-rebuild

deb: build
	@tools/deb

clean:
	rm -rf build build-asan build-fuzz

deps-build:
	@tools/deps build

deps-test:
	@tools/deps test
