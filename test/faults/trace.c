// Logs, in order, what a process does to the files of one folder (TRACE_FOLDER): every write with its
// bytes, every change of length, every sync. Preloaded by the power cut test, which makes from it what
// a disk may hold after the power went. What is written to standard output is logged as the file "said".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TRACE_FILE");
  if (path) trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

static void put(const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    ssize_t done = syscall(SYS_write, trace, at, size);
    if (done <= 0) _exit(99);
    at += done;
    size -= done;
  }
}

// The name inside the folder, or NULL for a file of somebody else.
static const char *name_of(int fd, char *buffer) {
  const char *folder = getenv("TRACE_FOLDER");
  char link[64];
  if (trace < 0 || !folder) return NULL;
  if (fd == 1) return "said";
  strcpy(link, "/proc/self/fd/");
  char digits[16];
  int n = 0, value = fd;
  do digits[n++] = '0' + value % 10; while ((value /= 10) > 0);
  size_t at = strlen(link);
  while (n > 0) link[at++] = digits[--n];
  link[at] = 0;
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, PATH_MAX - 1);
  if (length <= 0) return NULL;
  buffer[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(buffer, folder, prefix) || buffer[prefix] != '/') return NULL;
  return buffer + prefix + 1;
}

static void note(char kind, int fd, uint64_t offset, const void *data, uint32_t size) {
  char buffer[PATH_MAX];
  const char *name = name_of(fd, buffer);
  if (!name) return;
  uint8_t length = strlen(name);
  pthread_mutex_lock(&lock);
  put(&kind, 1);
  put(&length, 1);
  put(&offset, 8);
  put(&size, 4);
  put(name, length);
  put(data, size);
  pthread_mutex_unlock(&lock);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  off_t at = fd == 1 ? 0 : lseek(fd, 0, SEEK_CUR);
  ssize_t done = real(fd, data, size);
  if (done > 0 && at >= 0) note('w', fd, at, data, done);
  return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(pwrite64);
  ssize_t done = real(fd, data, size, at);
  if (done > 0) note('w', fd, at, data, done);
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  int result = real(fd, size);
  if (result == 0) note('t', fd, size, NULL, 0);
  return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int posix_fallocate64(int fd, off64_t at, off64_t size) {
  REAL(posix_fallocate64);
  int result = real(fd, at, size);
  if (result == 0) note('a', fd, at + size, NULL, 0);
  return result;
}

int fsync(int fd) {
  REAL(fsync);
  int result = real(fd);
  if (result == 0) note('s', fd, 0, NULL, 0);
  return result;
}

int fdatasync(int fd) {
  REAL(fdatasync);
  int result = real(fd);
  if (result == 0) note('s', fd, 0, NULL, 0);
  return result;
}
