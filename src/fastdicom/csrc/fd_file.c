#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "fd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

static fd_status failed(fd_error *error, int code)
{
    *error = (fd_error){.status = FD_IO, .os_errno = code, .reason = "the operating system refused"};
    return FD_IO;
}

bool fd_file_same(const fd_file *a, const fd_file *b)
{
    return a->size == b->size && a->device == b->device && a->inode == b->inode && a->changed == b->changed;
}

#ifdef _WIN32

uint64_t fd_file_size_now(const fd_file *file)
{
    struct _stat64 st;
    return _fstat64(file->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static int open_utf8(const char *path)
{
    const int length = MultiByteToWideChar(CP_UTF8, 0, path, -1, NULL, 0); /* with the NUL; 0: longer than an int tells */
    wchar_t *wide = length > 0 ? malloc((size_t)length * sizeof *wide) : NULL;
    if (!wide) {
        errno = length > 0 ? ENOMEM : ENAMETOOLONG;
        return -1;
    }
    MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, length);
    const int fd = _wopen(wide, _O_RDONLY | _O_BINARY | _O_NOINHERIT);
    const int code = errno;
    free(wide);
    errno = code;
    return fd;
}

fd_status fd_file_open(const char *path, fd_file *file, fd_error *error)
{
    struct _stat64 st;
    file->fd = open_utf8(path);
    if (file->fd < 0) return failed(error, errno);
    if (_fstat64(file->fd, &st) != 0 || !(st.st_mode & _S_IFREG)) {
        fd_file_close(file);
        return failed(error, EINVAL);
    }
    file->size = (uint64_t)st.st_size;
    file->device = file->inode = 0;
    file->changed = (uint64_t)st.st_mtime;
    return FD_OK;
}

void fd_file_close(fd_file *file)
{
    if (file->fd >= 0) _close(file->fd);
    file->fd = -1;
}

fd_status fd_file_read(const fd_file *file, uint64_t offset, void *out, size_t n, size_t *got, fd_error *error)
{
    HANDLE handle = (HANDLE)_get_osfhandle(file->fd);
    *got = 0;
    while (*got < n) {
        OVERLAPPED at = {0};
        DWORD now = 0, want = n - *got > 1u << 30 ? 1u << 30 : (DWORD)(n - *got);
        at.Offset = (DWORD)((offset + *got) & 0xFFFFFFFFu);
        at.OffsetHigh = (DWORD)((offset + *got) >> 32);
        if (!ReadFile(handle, (char *)out + *got, want, &now, &at)) {
            if (GetLastError() == ERROR_HANDLE_EOF) break;
            return failed(error, EIO);
        }
        if (now == 0) break;
        *got += now;
    }
    return FD_OK;
}

void *fd_file_map(const fd_file *file)
{
    HANDLE mapping = CreateFileMappingW((HANDLE)_get_osfhandle(file->fd), NULL, PAGE_READONLY, 0, 0, NULL);
    if (!mapping) return NULL;
    void *map = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    CloseHandle(mapping); /* the view keeps it */
    return map;
}

void fd_file_unmap(void *map, uint64_t size)
{
    (void)size;
    UnmapViewOfFile(map);
}

int fd_file_budget(void) { return 256; }

#else

#ifdef __APPLE__
#define MTIME st_mtimespec
#else
#define MTIME st_mtim
#endif

uint64_t fd_file_size_now(const fd_file *file)
{
    struct stat st;
    return fstat(file->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

fd_status fd_file_open(const char *path, fd_file *file, fd_error *error)
{
    struct stat st;
    /* O_NONBLOCK: to open a fifo must not wait for its writer; regular files do not know it */
    do file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0) return failed(error, errno);
    int code = fstat(file->fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : !S_ISREG(st.st_mode) ? EINVAL : 0;
    if (code) {
        fd_file_close(file);
        return failed(error, code);
    }
    file->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    file->device = (uint64_t)st.st_dev;
    file->inode = (uint64_t)st.st_ino;
    file->changed = (uint64_t)st.MTIME.tv_sec * 1000000000u + (uint64_t)st.MTIME.tv_nsec;
    return FD_OK;
}

void fd_file_close(fd_file *file)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

fd_status fd_file_read(const fd_file *file, uint64_t offset, void *out, size_t n, size_t *got, fd_error *error)
{
    *got = 0;
    if (offset > INT64_MAX - n) return FD_OK;
    while (*got < n) {
        size_t want = n - *got > (size_t)1 << 30 ? (size_t)1 << 30 : n - *got;
        ssize_t now = pread(file->fd, (char *)out + *got, want, (off_t)(offset + *got));
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return failed(error, errno);
        if (now == 0) break;
        *got += (size_t)now;
    }
    return FD_OK;
}

void *fd_file_map(const fd_file *file)
{
    if (file->size == 0 || file->size > SIZE_MAX) return NULL;
    void *map = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

void fd_file_unmap(void *map, uint64_t size) { munmap(map, (size_t)size); }

int fd_file_budget(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 256;
    return limit.rlim_cur / 4 < 256 ? (int)(limit.rlim_cur / 4) : 256;
}

#endif
