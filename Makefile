# Plain `make` lists the targets.

PREFIX ?= /usr/local
SCRIPTS := bin/conveyor download_mid_filtered_documents.sh download_validator examples/demo \
  scripts/install-dependencies Tests/Fuzz/build Tests/Stores/server .ci/run deploy/build-image \
  deploy/parallel/stages deploy/slurm/stage.sbatch scripts/install-tree scripts/make-deb scripts/make-deb-for \
  scripts/make-sbom scripts/new-root Tests/Package/deb Tests/Package/inside
SWIFT_SOURCES := Sources Tests Package.swift

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser bench torture test-docs test-stores test-servers test-kubernetes test-image image check \
  lint shellcheck build install uninstall deb test-deb sbom deps swift clean

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
	CONVEYOR_COMMIT=$$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null) swift build --configuration release

image: build ## Build an image for Kubernetes, in .build/image (docs/kubernetes.md)
	@scripts/install-dependencies image
	deploy/build-image

install: build ## Install below PREFIX (/usr/local)
	@scripts/install-dependencies install
	@scripts/install-tree "$(DESTDIR)" "$(PREFIX)"

uninstall: ## Remove what `make install` installed
	@scripts/install-tree --remove "$(DESTDIR)" "$(PREFIX)"

deb: $(if $(RELEASE),swift,build) ## Make a Debian package, in .build/deb: for this release, or for RELEASE=trixie
	@scripts/install-dependencies package
	@scripts/make-deb$(if $(RELEASE),-for $(RELEASE))

test-deb: ## Install the package in a new root, use it, and remove it: RELEASE=trixie (three minutes; needs root)
	@scripts/install-dependencies package
	Tests/Package/deb $(RELEASE)

sbom: build ## List what the tools are made of and linked with (SPDX), in .build/sbom.spdx.json
	scripts/make-sbom >.build/sbom.spdx.json

deps: ## Install the Debian or Ubuntu packages that are missing
	@scripts/install-dependencies

swift:
	@command -v swift >/dev/null || { \
	  echo "Swift 6.3 or newer is needed and was not found: https://www.swift.org/install" >&2; \
	  exit 1; }

clean: ## Remove what was built, and the demo
	rm -rf .build demo
