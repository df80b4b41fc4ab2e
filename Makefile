# Plain `make` lists the targets.

PREFIX ?= /usr/local
TOOLS := enqueue fetch optimize upload validate queue dashboard notify portal conveyor-driver
SCRIPTS := bin/conveyor download_mid_filtered_documents.sh download_validator examples/demo \
  scripts/install-dependencies Tests/Fuzz/build Tests/Stores/server .ci/run deploy/build-image \
  deploy/parallel/stages deploy/slurm/stage.sbatch
SWIFT_SOURCES := Sources Tests Package.swift

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser bench torture test-docs test-stores test-servers test-kubernetes test-image image check lint shellcheck \
  build install deps swift clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## See it work: a sample portal, 300 documents, a bucket in demo/bucket
	@bin/conveyor demo

test: swift deps test-servers ## Build, break promises for two minutes, and run all tests
	swift build
	.build/venv/bin/python Tests/Docs/docs.py
	python3 Tests/Torture/torture.py
	swift test

bench: build test-servers .build/bench/ready ## Measure against peers (docs/benchmarks.md): all, or BENCH="fetch limiter"
	@scripts/install-dependencies bench
	.build/bench/bin/python Benchmarks/all.py $(BENCH)

torture: swift deps ## Break promises for hours: all, or TRIALS="kills calls" (Tests/Torture)
	swift build
	python3 Tests/Torture/torture.py --long $(TRIALS)

test-stores: swift deps test-servers ## Try the tools against Ceph and OpenStack Swift: both, or STORES=ceph
	@scripts/install-dependencies stores
	swift build
	.build/venv/bin/python Tests/Stores/stores.py $(STORES)

test-docs: swift deps test-servers ## Run every command line of README and docs (a minute)
	swift build
	.build/venv/bin/python Tests/Docs/docs.py $(PAGES)

test-browser: swift deps test-servers ## Try the dashboard in Chromium, with a run under way (two minutes)
	@scripts/install-dependencies browser
	swift build
	.build/venv/bin/python Tests/Browser/browser.py

test-kubernetes: swift deps .build/kubernetes/ready ## Check the manifests, and let the autoscaler loose (four minutes)
	@scripts/install-dependencies image
	swift build
	.build/kubernetes/bin/python Tests/Kubernetes/manifests.py
	.build/kubernetes/bin/python Tests/Kubernetes/day.py

test-image: image .build/kubernetes/ready ## Build the image again, and run it as root with runc, as a pod
	.build/kubernetes/bin/python Tests/Kubernetes/image.py

test-servers: .build/venv/ready ## Install the stores that the tests talk to, in .build/venv

.build/venv/ready: Tests/requirements.txt
.build/bench/ready: Benchmarks/requirements.txt
.build/kubernetes/ready: Tests/Kubernetes/requirements.txt
.build/%/ready:
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

check: lint shellcheck test ## All that a change has to pass: format, warnings, tests, scripts

lint: swift
	swift format lint --strict --recursive $(SWIFT_SOURCES)
	scripts/check-style

shellcheck: deps
	shellcheck $(SCRIPTS)

build: swift deps ## Build the tools for use (release)
	swift build --configuration release

image: build ## Build an image for Kubernetes, in .build/image (docs/kubernetes.md)
	@scripts/install-dependencies image
	deploy/build-image

install: build ## Install below PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/conveyor \
	  $(DESTDIR)$(PREFIX)/share/conveyor/stages $(DESTDIR)$(PREFIX)/share/conveyor/portals \
	  $(DESTDIR)$(PREFIX)/share/conveyor/examples/portals
	install -m 755 bin/conveyor $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(addprefix .build/release/,$(TOOLS)) $(DESTDIR)$(PREFIX)/libexec/conveyor/
	install -m 644 stages/*.yaml $(DESTDIR)$(PREFIX)/share/conveyor/stages/
	install -m 644 portals/*.yaml $(DESTDIR)$(PREFIX)/share/conveyor/portals/
	install -m 644 examples/portals/*.yaml $(DESTDIR)$(PREFIX)/share/conveyor/examples/portals/
	install -m 755 examples/demo $(DESTDIR)$(PREFIX)/share/conveyor/examples/

deps: ## Install the Debian or Ubuntu packages that are missing
	@scripts/install-dependencies

swift:
	@command -v swift >/dev/null || { \
	  echo "Swift 6.3 or newer is needed and was not found: https://www.swift.org/install" >&2; \
	  exit 1; }

clean: ## Remove what was built, and the demo
	rm -rf .build demo
