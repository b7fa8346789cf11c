// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// Makes system calls of one thread fail, by the linker's --wrap and SQLite's own table of calls.
namespace tld::testing_support {

/// From now on the calls of this thread are counted and may fail.
void WatchThisThread();

/// The nth call of that name fails once, with that errno. Names: socket, connect, send, ioctl,
/// getsockopt, getaddrinfo, SSL_connect, SSL_write, and SQLite's open, pwrite, pread, fsync,
/// ftruncate, unlink. 0 counts only.
void FailCall(const std::string& name, int nth, int error);

/// How many calls of the name there were since FailCall.
int CallsSeen();

}  // namespace tld::testing_support
