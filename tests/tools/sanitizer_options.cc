// SPDX-License-Identifier: Apache-2.0
// For the plugin under AddressSanitizer: auditd gives it no environment to set options in, and
// looking for leaks needs ptrace, which a process that has dropped its privileges may not.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
