// A disk that fails: preloaded, it lets writes or syncs to the files of FAULT_FOLDER fail for as long as
// the file FAULT_FILE is there, which says what fails and how: "write 30" (EROFS), "sync 5" (EIO).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Whether this call shall fail now; sets errno then.
static int fails(const char *what, int fd) {
  const char *order = getenv("FAULT_FILE"), *folder = getenv("FAULT_FOLDER");
  if (!order || !folder) return 0;
  int file = syscall(SYS_openat, AT_FDCWD, order, O_RDONLY);
  if (file < 0) return 0;
  char text[32] = "", link[64], path[PATH_MAX] = "", word[16] = "";
  int code = 0;
  syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (strncmp(path, folder, strlen(folder)) || sscanf(text, "%15s %d", word, &code) != 2) return 0;
  if (strcmp(word, what)) return 0;
  errno = code;
  return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(pwrite64);
  return fails("write", fd) ? -1 : real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  return fails("write", fd) ? -1 : real(fd, size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int posix_fallocate64(int fd, off64_t at, off64_t size) {
  REAL(posix_fallocate64);
  return fails("write", fd) ? errno : real(fd, at, size);
}

int fsync(int fd) {
  REAL(fsync);
  return fails("sync", fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return fails("sync", fd) ? -1 : real(fd);
}
