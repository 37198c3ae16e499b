# The commands of the project; each does its own set-up first (tools/setup, idempotent).
#
#   make demo    build, then play a few dozen prompts through a gateway (DEMO_ARGS=--once to exit)
#   make build   the program at build/reprise
#   make test    unit and end-to-end tests, plain and under ASan + UBSan; fuzz
#   make tsan    unit and end-to-end tests under ThreadSanitizer
#   make fuzz    every fuzz target for 30 s (SECONDS=3600 TARGET=prompts for one of them, longer)
#   make bench   benchmarks, exact hits next to nginx among them
#   make soak    kill -9 under load, ROUNDS=200 times; MINUTES=60: mixed load for so long (SEED=...)
.PHONY: demo build test test-plain asan tsan fuzz bench soak clean
.DEFAULT_GOAL := build

# Without --test-force-exit (before Node 20.14) a failed test's open connections keep it waiting.
E2E = node --test $$(node --help | grep -o -e --test-force-exit) --test-concurrency=2 \
        --test-reporter=spec tests/e2e/*.test.mjs

build:
	tools/setup
	cmake --preset release
	cmake --build --preset release --target reprise

demo: build
	build/reprise demo $(DEMO_ARGS)

test: test-plain asan
	$(MAKE) fuzz FUZZ_SEED=1

test-plain:
	tools/setup --test
	cmake --preset release
	cmake --build --preset release --target reprise unit_tests
	ctest --test-dir build -L unit -j 2 --output-on-failure
	REPRISE=build/reprise $(E2E)

# Sanitizers: builds the preset of that name, then runs everything under it.
asan tsan: %:
	tools/setup --test
	cmake --preset $*
	cmake --build --preset $* --target reprise unit_tests
	. tools/sanitizer-options && ctest --test-dir build-$* -L unit -j 2 --output-on-failure
	. tools/sanitizer-options && REPRISE=build-$*/reprise $(E2E)

fuzz:
	tools/setup --test
	cmake --preset asan
	cmake --build --preset asan --target fuzzer
	FUZZ_SEED=$(or $(FUZZ_SEED),0) fuzz/run $(or $(SECONDS),30) $(TARGET)

bench:
	tools/setup --bench
	cmake --preset release -DREPRISE_BENCH=ON
	cmake --build --preset release --target reprise bench
	bench/run

ROUNDS = 200
soak: build
	REPRISE=build/reprise node tests/soak/main.mjs $(if $(MINUTES),--minutes $(MINUTES),--rounds $(ROUNDS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

clean:
	rm -rf build build-dev build-asan build-tsan
