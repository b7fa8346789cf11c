# SPDX-License-Identifier: Apache-2.0
# Works on its own; ./configure writes config.mk, which overrides what stands here.

VERSION := 0.2.0

# ---- Can be overridden, from the environment (dpkg-buildflags) or the command line ------------------
ifeq ($(origin CXX),default)
CXX := g++
endif
CXXFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
MODULEDIR ?= $(PREFIX)/lib/tld-audisp
# -Werror in CI; not in a release, where a newer compiler may know a new warning.
WERROR ?=
BUILD ?= build

-include config.mk

# ---- Required, whatever the environment says -----------------------------------------------------
PACKAGES := auparse audit libcdb inih libpcre2-8 pugixml zlib libseccomp libcap-ng nettle sqlite3
TLS_PACKAGES := libssl libcrypto
WARNINGS := -Wall -Wextra -Wconversion -Wshadow $(WERROR)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(TLS_PACKAGES) 2>/dev/null)
PKG_LIBS := -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
TLS_LIBS := $(shell $(PKG_CONFIG) --libs $(TLS_PACKAGES) 2>/dev/null)
PATH_FLAGS := -DTLD_VERSION='"$(VERSION)"' -DTLD_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DTLD_DATADIR='"$(DATADIR)"' -DTLD_SBINDIR='"$(SBINDIR)"' -DTLD_LIBDIR='"$(MODULEDIR)"'
ALL_CPPFLAGS = -Iplugin $(PKG_CFLAGS) $(PATH_FLAGS) $(CPPFLAGS)
ALL_CXXFLAGS = -std=c++20 $(WARNINGS) $(CXXFLAGS)
DEPFLAGS = -MMD -MP -MF $(@:.o=.d)

# What Debian calls what is needed here: to build, and to test.
BUILD_NEEDS := g++ make perl pkg-config libauparse-dev libaudit-dev libcdb-dev libinih-dev libpcre2-dev \
	libpugixml-dev rapidjson-dev libcli11-dev zlib1g-dev libseccomp-dev libcap-ng-dev libssl-dev \
	libsqlite3-dev nettle-dev
TEST_NEEDS := busybox-static libgtest-dev auditd audispd-plugins rsyslog rsyslog-relp rsyslog-openssl rsyslog-elasticsearch openssl netcat-openbsd procps systemd util-linux

# ---- Programs ------------------------------------------------------------------------------------
ROOMS := base audit detect alert deliver program
MAINS := plugin/program/tld_audisp.cc plugin/program/tldctl.cc
# OpenSSL: linked with tldctl and the tests; the plugin loads it, as a module, where it is needed.
TLS := plugin/deliver/tls.cc
TLS_LOADER := plugin/program/tls_loader.cc
TLS_MODULE_SOURCES := $(TLS) plugin/deliver/tls_module.cc plugin/deliver/channel.cc plugin/base/os.cc \
	plugin/base/text.cc
TLS_OBJECT := $(TLS:%.cc=$(BUILD)/obj/%.o)
LIB_SOURCES := $(filter-out $(MAINS) $(TLS) $(TLS_LOADER) plugin/deliver/tls_module.cc, \
	$(sort $(wildcard $(ROOMS:%=plugin/%/*.cc))))
LIB_OBJECTS := $(LIB_SOURCES:%.cc=$(BUILD)/obj/%.o)
# The page of `tldctl hunt --html`, with all that it needs inside it.
REPORT := $(BUILD)/obj/report_page.cc
LIB_OBJECTS += $(REPORT:.cc=.o)
LIBRARY := $(BUILD)/libtld.a

.PHONY: all
all: $(BUILD)/tld-audisp $(BUILD)/tls.so $(BUILD)/tldctl

$(BUILD)/obj/%.o: %.cc | packages
	@mkdir -p $(@D)
	$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) $(OBJECT_FLAGS) $(DEPFLAGS) -c $< -o $@

$(BUILD)/obj/module/%.o: %.cc | packages
	@mkdir -p $(@D)
	$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) -fPIC -fvisibility=hidden $(DEPFLAGS) -c $< -o $@

# Tests take half the time to compile so; what they test is compiled as it is installed.
$(BUILD)/obj/tests/%.o: OBJECT_FLAGS := -O1 -g1
$(BUILD)/obj/tests/bench/%.o: OBJECT_FLAGS :=

# Half of a page that could not be made whole is none.
.DELETE_ON_ERROR:

$(REPORT): cockpit/embed cockpit/report.html cockpit/report.js cockpit/view.js cockpit/view.css
	@mkdir -p $(@D)
	cockpit/embed >$@

$(REPORT:.cc=.o): $(REPORT)
	$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) $(DEPFLAGS) -c $< -o $@

$(LIBRARY): $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/tld-audisp: $(BUILD)/obj/plugin/program/tld_audisp.o $(TLS_LOADER:%.cc=$(BUILD)/obj/%.o) \
		$(SANITIZER_OBJECTS) $(LIBRARY)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ $(PKG_LIBS) $(LIBS) -o $@

$(BUILD)/tls.so: $(TLS_MODULE_SOURCES:%.cc=$(BUILD)/obj/module/%.o)
	$(CXX) $(ALL_CXXFLAGS) -fPIC $(LDFLAGS) -shared $^ $(PKG_LIBS) $(TLS_LIBS) $(LIBS) -o $@

$(BUILD)/tldctl: $(BUILD)/obj/plugin/program/tldctl.o $(TLS_OBJECT) $(LIBRARY)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ $(PKG_LIBS) $(TLS_LIBS) $(LIBS) -o $@

.PHONY: packages
packages:
	@$(PKG_CONFIG) --print-errors --exists $(PACKAGES) $(TLS_PACKAGES) || \
	  { echo "Debian packages that provide them: $(BUILD_NEEDS)" >&2; exit 1; }

.PHONY: install
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/tld-audisp/rules \
	  $(DESTDIR)$(DATADIR)/tld-audisp/lists $(DESTDIR)$(DATADIR)/tld-audisp/audit-rules \
	  $(DESTDIR)$(SYSCONFDIR)/tld-audisp/rules.d $(DESTDIR)$(SYSCONFDIR)/tld-audisp/lists \
	  $(DESTDIR)$(SYSCONFDIR)/tld-audisp/conf.d $(DESTDIR)$(SYSCONFDIR)/logrotate.d \
	  $(DESTDIR)$(SYSCONFDIR)/apparmor.d $(DESTDIR)$(DATADIR)/bash-completion/completions \
	  $(DESTDIR)$(DATADIR)/zsh/vendor-completions \
	  $(DESTDIR)$(PREFIX)/lib/systemd/system/auditd.service.d \
	  $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8
	install -m 755 $(BUILD)/tld-audisp $(DESTDIR)$(SBINDIR)/tld-audisp
	install -m 755 $(BUILD)/tldctl $(DESTDIR)$(BINDIR)/tldctl
	install -d $(DESTDIR)$(MODULEDIR)
	install -m 644 $(BUILD)/tls.so $(DESTDIR)$(MODULEDIR)/
	install -m 644 rules/detect/*.xml $(DESTDIR)$(DATADIR)/tld-audisp/rules/
	install -m 644 lists/* $(DESTDIR)$(DATADIR)/tld-audisp/lists/
	install -m 644 rules/audit/*.rules rules/audit/README.md \
	  conf/audit-plugin.conf $(DESTDIR)$(DATADIR)/tld-audisp/audit-rules/
	install -m 644 conf/tld-audisp.conf $(DESTDIR)$(SYSCONFDIR)/tld-audisp/
	install -m 644 conf/local_rules.xml $(DESTDIR)$(SYSCONFDIR)/tld-audisp/rules.d/
	install -m 644 conf/logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/tld-audisp
	install -m 644 conf/apparmor $(DESTDIR)$(SYSCONFDIR)/apparmor.d/usr.sbin.tld-audisp
	install -m 644 conf/auditd-after-apparmor.conf \
	  $(DESTDIR)$(PREFIX)/lib/systemd/system/auditd.service.d/tld-audisp.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/catalog $(DESTDIR)$(DATADIR)/tld-audisp/lnav
	install -m 644 conf/lnav/tld_audisp.json $(DESTDIR)$(DATADIR)/tld-audisp/lnav/
	install -m 644 conf/tld-audisp.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/
	install -m 644 conf/completion/tldctl.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/tldctl
	install -m 644 conf/completion/_tldctl $(DESTDIR)$(DATADIR)/zsh/vendor-completions/
	install -m 644 docs/*.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 docs/*.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 docs/*.8 $(DESTDIR)$(MANDIR)/man8/

# The page for Cockpit, a package of its own.
PAGE := manifest.json index.html view.css page.css page.js search.js lists.js rules.js state.js tldctl.js view.js
PAGE_DIRECTORY = $(DESTDIR)$(DATADIR)/cockpit/tld-audisp
.PHONY: install-cockpit
install-cockpit:
	install -d $(PAGE_DIRECTORY)
	install -m 644 $(PAGE:%=cockpit/%) $(PAGE_DIRECTORY)
	set -e; for po in cockpit/po/*.po; do \
	  cockpit/translate "$$po" >$(PAGE_DIRECTORY)/po.$$(basename "$$po" .po).js; \
	done

.PHONY: demo
demo:
	@tests/tools/need $(BUILD_NEEDS) $(TEST_NEEDS)
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/live/demo

# ---- Tests ---------------------------------------------------------------------------------------
TEST_LIBS := -lgtest -pthread $(PKG_LIBS) $(TLS_LIBS)
TEST_SUPPORT := $(BUILD)/obj/tests/main.o $(BUILD)/obj/tests/support.o \
	$(BUILD)/obj/tests/program/dispatcher.o $(BUILD)/obj/tests/deliver/receiver.o $(TLS_OBJECT)
FUZZ_OBJECTS := $(patsubst %.cc,$(BUILD)/obj/%.o,tests/fuzz/records.cc tests/fuzz/rules.cc tests/fuzz/documents.cc \
	$(wildcard tests/detect/naive*.cc) tests/support.cc)
UNIT_TESTS := $(ROOMS:%=$(BUILD)/tests/%_test) $(BUILD)/tests/fuzz_test
# With a real rsyslogd.
DELIVERY_TESTS := $(BUILD)/tests/delivery_test
LIVE_TESTS := $(BUILD)/tests/live_test

$(BUILD)/obj/tests/%.o: ALL_CPPFLAGS += -I.

define TEST_PROGRAM
$(BUILD)/tests/$(1)_test: $$(filter-out $(TEST_SUPPORT),$$(patsubst \
		%.cc,$(BUILD)/obj/%.o,$$(sort $$(wildcard tests/$(1)/*.cc)))) $(TEST_SUPPORT) $(LIBRARY)
	@mkdir -p $$(@D)
	$$(CXX) $$(ALL_CXXFLAGS) $$(LDFLAGS) $$^ $$(TEST_LIBS) $$(LIBS) -o $$@
endef
$(foreach room,$(ROOMS) delivery live,$(eval $(call TEST_PROGRAM,$(room))))

# Calls that tests/deliver/faults.cc makes fail.
$(BUILD)/tests/deliver_test: LDFLAGS += \
	$(foreach call,socket connect send ioctl getsockopt getaddrinfo SSL_connect SSL_write,-Wl,--wrap=$(call))

# The fuzz targets on what is known of them.
$(BUILD)/tests/fuzz_test: $(BUILD)/obj/tests/fuzz/corpus_test.o $(FUZZ_OBJECTS) $(BUILD)/obj/tests/main.o \
		$(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@

.PHONY: check check-unit check-delivery check-live check-cockpit check-structure check-asan check-valgrind check-package check-vm check-long
# Everything on this machine; as root, so that the kernel's audit system can be used.
check:
	@tests/tools/need $(BUILD_NEEDS) $(TEST_NEEDS)
	@$(MAKE) --no-print-directory -j$$(nproc) all $(UNIT_TESTS) $(DELIVERY_TESTS) $(LIVE_TESTS)
	tests/run tests/tools/structure tests/tools/spdx $(UNIT_TESTS) $(DELIVERY_TESTS) $(LIVE_TESTS)

# Needs no root, network or audit system: for package builds.
check-unit: all $(UNIT_TESTS)
	tests/run tests/tools/structure $(UNIT_TESTS)

check-delivery: all $(DELIVERY_TESTS)
	tests/run $(DELIVERY_TESTS)

check-live: all $(LIVE_TESTS)
	tests/run $(LIVE_TESTS)

# The page in Debian's Chromium.
check-cockpit: all
	BUILD=$(BUILD) tests/cockpit/run

check-structure:
	tests/run tests/tools/structure tests/tools/spdx

# RapidJSON adds to a null pointer to see that its stack has no room.
SANITIZE := -O1 -g1 -fsanitize=address,undefined -fno-sanitize=pointer-overflow \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
# g++ 12 warns of what it instruments itself, so warnings do not count here.
check-asan:
	$(MAKE) --no-print-directory -j$$(nproc) check-unit BUILD=$(BUILD)/asan CXXFLAGS="$(SANITIZE)" WERROR= \
	  SANITIZER_OBJECTS=$(BUILD)/asan/obj/tests/tools/sanitizer_options.o

# Slow ones are left out: they say nothing more about memory.
check-valgrind: all $(UNIT_TESTS)
	GTEST_FILTER='-LifeTest.*:*AMillion*:RecordedLog.*:ByteQueue.AnyOrder*:Prefilter.*:*RandomBytes*:*OneAlertIs*:*BytesAreBounded*:Confined.*:TakeoverTest.*:Allocation.*:*WritesEverywhere*:Oracle.*:Corpus.*' \
	TLD_UNDER='valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite' \
	  tests/run $(ROOMS:%=$(BUILD)/tests/%_test)

check-package: all
	tests/package/check

# Booted machines of both releases, under qemu; about a quarter of an hour each.
check-vm:
	tests/package/machines

# What takes long: memory over 1 GB of input, sanitizers, valgrind, the package, machines.
check-long: check
	TLD_LONG=1 tests/run $(BUILD)/tests/program_test $(DELIVERY_TESTS)
	$(MAKE) --no-print-directory check-asan check-valgrind
	TLD_LONG=1 tests/package/check
	tests/package/machines

# Stages, instructions per event, whole programs side by side, what size costs, and a storm on the kernel
# (root, no other auditd). Tables and a plot land in build/bench; docs/performance.md says what they mean.
BENCH_NEEDS := libbenchmark-dev valgrind laurel auditd perl time
.PHONY: bench
bench:
	@tests/tools/need $(BUILD_NEEDS) $(BENCH_NEEDS)
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/tests/bench $(BUILD)/tests/feed
	@mkdir -p $(BUILD)/bench
	$(BUILD)/tests/bench
	BUILD=$(BUILD) tests/bench/instructions | tee $(BUILD)/bench/instructions.txt
	BUILD=$(BUILD) tests/bench/compare --svg $(BUILD)/bench/rates.svg | tee $(BUILD)/bench/compare.txt
	BUILD=$(BUILD) tests/bench/scale | tee $(BUILD)/bench/scale.txt
	BUILD=$(BUILD) tests/bench/storm | tee $(BUILD)/bench/storm.txt

$(BUILD)/tests/bench: $(BUILD)/obj/tests/bench/pipeline_bench.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ -lbenchmark -pthread $(PKG_LIBS) $(LIBS) -o $@

$(BUILD)/tests/feed: $(BUILD)/obj/tests/bench/feed.o
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ -lauparse -o $@

# Each target for so many seconds, from the tests' data; with clang's libFuzzer.
FUZZ_SECONDS ?= 300
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=pointer-overflow \
	-fno-sanitize-recover=all
FUZZ_TARGETS := Records Rules List Config OsRegex Stored Query
FUZZ_SEEDS_Records := tests/data/events
FUZZ_SEEDS_Rules := tests/data/bad rules/detect conf
FUZZ_SEEDS_List := lists tests/data/lists
FUZZ_SEEDS_Config := conf tests/data/settings
FUZZ_SEEDS_OsRegex := tests/data/osregex
FUZZ_SEEDS_Stored := tests/data/documents
FUZZ_SEEDS_Query := tests/data/queries

.PHONY: fuzz
fuzz:
	$(MAKE) --no-print-directory CXX=clang++ BUILD=$(BUILD)/fuzz CXXFLAGS="$(FUZZ_FLAGS)" \
	  $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%_fuzz)
	$(foreach target,$(FUZZ_TARGETS),mkdir -p $(BUILD)/fuzz/$(target) && \
	  $(BUILD)/fuzz/$(target)_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=30 -max_len=20000 \
	  -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/$(target) $(FUZZ_SEEDS_$(target)) &&) true

$(BUILD)/%_fuzz: tests/fuzz/fuzzer.cc $(FUZZ_OBJECTS) $(LIBRARY)
	$(CXX) $(ALL_CPPFLAGS) -I. -DTLD_FUZZ_TARGET=Fuzz$* $(ALL_CXXFLAGS) -fsanitize=fuzzer $(LDFLAGS) \
	  $^ $(TEST_LIBS) $(LIBS) -o $@

# ---- Care ----------------------------------------------------------------------------------------
SOURCES := $(sort $(wildcard plugin/*/*.cc plugin/*/*.h tests/*.cc tests/*.h tests/*/*.cc tests/*/*.h))

.PHONY: format lint tidy coverage deb clean
format:
	clang-format -i $(SOURCES)

lint:
	cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability \
	  --suppress=syntaxError --inline-suppr --error-exitcode=1 -Iplugin plugin
	mandoc -T lint -W warning docs/*.[158]
	shellcheck tests/run tests/tools/need tests/tools/structure tests/tools/spdx tests/live/demo tests/bench/instructions \
	  tests/bench/scale tests/cockpit/installed tests/cockpit/need tests/cockpit/run \
	  $(filter-out %.pl,$(wildcard tests/package/*)) .ci/run

tidy:
	clang-tidy --quiet $(filter plugin/%.cc,$(SOURCES)) -- -std=c++20 $(ALL_CPPFLAGS)

coverage:
	$(MAKE) --no-print-directory check-unit BUILD=$(BUILD)/coverage CXXFLAGS="-O0 -g --coverage"
	cd $(BUILD)/coverage && gcov -n -o . $$(find . -path '*plugin*' -name '*.gcda') | \
	  grep -A1 "File 'plugin/"

deb:
	tests/package/build $(SUITE)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
