// SPDX-License-Identifier: Apache-2.0
#include "tests/deliver/faults.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <sqlite3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <mutex>

namespace tld::testing_support {
namespace {

thread_local bool watched = false;

std::mutex mutex;
std::string failing;  // guarded by mutex
int countdown = 0;    // guarded by mutex
int error_number = 0;
std::atomic<int> seen{0};

}  // namespace

/// Whether this call is the one to fail; sets errno then.
bool Fails(const char* name) {
  if (!watched) return false;
  const std::lock_guard lock(mutex);
  if (failing != name) return false;
  ++seen;
  if (countdown == 0 || --countdown != 0) return false;
  errno = error_number;
  return true;
}

namespace {

// What SQLite calls by default.
using Open = int (*)(const char*, int, int);
using PositionedWrite = ssize_t (*)(int, const void*, size_t, off_t);
using PositionedRead = ssize_t (*)(int, void*, size_t, off_t);
using Sync = int (*)(int);
using Truncate = int (*)(int, off_t);
using Unlink = int (*)(const char*);

template <class Function>
Function& Real() {
  static Function function = nullptr;
  return function;
}

int FaultyOpen(const char* path, int flags, int mode) {
  return Fails("open") ? -1 : Real<Open>()(path, flags, mode);
}
ssize_t FaultyWrite(int fd, const void* bytes, size_t size, off_t at) {
  return Fails("pwrite") ? -1 : Real<PositionedWrite>()(fd, bytes, size, at);
}
ssize_t FaultyRead(int fd, void* bytes, size_t size, off_t at) {
  return Fails("pread") ? -1 : Real<PositionedRead>()(fd, bytes, size, at);
}
int FaultySync(int fd) { return Fails("fsync") ? -1 : fsync(fd); }
int FaultyTruncate(int fd, off_t size) {
  return Fails("ftruncate") ? -1 : Real<Truncate>()(fd, size);
}
int FaultyUnlink(const char* path) { return Fails("unlink") ? -1 : Real<Unlink>()(path); }

template <class Function>
void Hook(const char* name, Function faulty) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  auto* real = vfs->xGetSystemCall(vfs, name);
  if (real == nullptr) return;  // this build has no such call
  Real<Function>() = reinterpret_cast<Function>(real);
  vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(faulty));
}

void HookSqlite() {
  static std::once_flag once;
  std::call_once(once, [] {
    Hook<Open>("open", FaultyOpen);
    Hook<PositionedWrite>("pwrite", FaultyWrite);
    Hook<PositionedWrite>("pwrite64", FaultyWrite);
    Hook<PositionedRead>("pread", FaultyRead);
    Hook<PositionedRead>("pread64", FaultyRead);
    Hook<Truncate>("ftruncate", FaultyTruncate);
    Hook<Unlink>("unlink", FaultyUnlink);
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    if (vfs->xGetSystemCall(vfs, "fsync") != nullptr) {
      vfs->xSetSystemCall(vfs, "fsync", reinterpret_cast<sqlite3_syscall_ptr>(FaultySync));
    }
  });
}

}  // namespace

void WatchThisThread() { watched = true; }

void FailCall(const std::string& name, int nth, int error) {
  HookSqlite();
  const std::lock_guard lock(mutex);
  failing = name;
  countdown = nth;
  error_number = error;
  seen = 0;
}

int CallsSeen() { return seen; }

}  // namespace tld::testing_support

using tld::testing_support::Fails;

extern "C" {

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
  return Fails("socket") ? -1 : __real_socket(domain, type, protocol);
}

int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  return Fails("connect") ? -1 : __real_connect(fd, address, size);
}

ssize_t __real_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
  return Fails("send") ? -1 : __real_send(fd, bytes, size, flags);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  return Fails("ioctl") ? -1 : __real_ioctl(fd, request, argument);
}

int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* size);
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  return Fails("getsockopt") ? -1 : __real_getsockopt(fd, level, name, value, size);
}

int __real_getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                       addrinfo** found);
int __wrap_getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                       addrinfo** found) {
  return Fails("getaddrinfo") ? EAI_AGAIN : __real_getaddrinfo(node, service, hints, found);
}

int __real_SSL_connect(SSL* session);
int __wrap_SSL_connect(SSL* session) {
  return Fails("SSL_connect") ? -1 : __real_SSL_connect(session);
}

int __real_SSL_write(SSL* session, const void* bytes, int size);
int __wrap_SSL_write(SSL* session, const void* bytes, int size) {
  return Fails("SSL_write") ? -1 : __real_SSL_write(session, bytes, size);
}

}  // extern "C"
