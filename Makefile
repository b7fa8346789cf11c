# SPDX-License-Identifier: Apache-2.0
# Works on its own; ./configure writes config.mk, which overrides what stands here.

VERSION := 0.1.0

# Can be overridden, from the environment (dpkg-buildflags) or the command line.
CXX ?= g++
ifeq ($(origin CXX),default)
CXX := g++
endif
CXXFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
RUNDIR ?= /run
WERROR ?=
BUILD ?= build

-include config.mk

# Required, whatever the environment says.
PACKAGES := auparse audit libcdb inih libpcre2-8 pugixml zlib libseccomp libcap-ng libcrypto
WARNINGS := -Wall -Wextra -Wconversion -Wshadow $(WERROR)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES))
PATH_FLAGS := -DTLD_VERSION='"$(VERSION)"' -DTLD_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DTLD_DATADIR='"$(DATADIR)"'
ALL_CPPFLAGS = -Iplugin $(PKG_CFLAGS) $(PATH_FLAGS) $(CPPFLAGS)
ALL_CXXFLAGS = -std=c++20 $(WARNINGS) $(CXXFLAGS)
DEPFLAGS = -MMD -MP -MF $(@:.o=.d)

ROOMS := base audit detect alert deliver program
MAINS := plugin/program/tld_audisp.cc plugin/program/tldctl.cc
LIB_SOURCES := $(filter-out $(MAINS),$(sort $(wildcard $(ROOMS:%=plugin/%/*.cc))))
LIB_OBJECTS := $(LIB_SOURCES:%.cc=$(BUILD)/obj/%.o)
LIBRARY := $(BUILD)/libtld.a

.PHONY: all
all: $(BUILD)/tld-audisp $(BUILD)/tldctl

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) $(DEPFLAGS) -c $< -o $@

$(LIBRARY): $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/tld-audisp: $(BUILD)/obj/plugin/program/tld_audisp.o $(LIBRARY)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ $(PKG_LIBS) $(LIBS) -o $@

$(BUILD)/tldctl: $(BUILD)/obj/plugin/program/tldctl.o $(LIBRARY)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) $^ $(PKG_LIBS) $(LIBS) -o $@

# ---- Tests --------------------------------------------------------------------------------------
TEST_ROOMS := $(ROOMS)
TEST_PACKAGES := gtest
TEST_LIBS := $(shell $(PKG_CONFIG) --libs $(TEST_PACKAGES)) $(PKG_LIBS)
TEST_SUPPORT := $(BUILD)/obj/tests/main.o $(BUILD)/obj/tests/support.o \
	$(BUILD)/obj/tests/program/dispatcher.o
UNIT_TESTS := $(TEST_ROOMS:%=$(BUILD)/tests/%_test)
LIVE_TESTS := $(BUILD)/tests/live_test

$(BUILD)/obj/tests/%.o: ALL_CPPFLAGS += -I.

define TEST_PROGRAM
$(BUILD)/tests/$(1)_test: $$(filter-out $(TEST_SUPPORT),$$(patsubst \
		%.cc,$(BUILD)/obj/%.o,$$(sort $$(wildcard tests/$(1)/*.cc)))) $(TEST_SUPPORT) $(LIBRARY)
	@mkdir -p $$(@D)
	$$(CXX) $$(ALL_CXXFLAGS) $$(LDFLAGS) $$^ $$(TEST_LIBS) $$(LIBS) -o $$@
endef
$(foreach room,$(TEST_ROOMS) live,$(eval $(call TEST_PROGRAM,$(room))))

.PHONY: check-unit
check-unit: all $(UNIT_TESTS)
	tests/run $(UNIT_TESTS)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
