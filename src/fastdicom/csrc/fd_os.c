#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#define _FILE_OFFSET_BITS 64
#include "fd_os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef _WIN32

#include <io.h>
#include <windows.h>

struct fd_os_listing {
    HANDLE search;
    WIN32_FIND_DATAW found;
    bool first;
    char name[4 * MAX_PATH];
};

static int errno_of(DWORD code)
{
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME: return ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION: return EACCES;
    case ERROR_DIRECTORY: return ENOTDIR;
    case ERROR_FILENAME_EXCED_RANGE: return ENAMETOOLONG;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return ENOMEM;
    default: return EIO;
    }
}

/* prefix + name + tail as the system wants it, from malloc. */
static wchar_t *wide(const char *prefix, size_t prefix_length, const char *name, const wchar_t *tail)
{
    const size_t length = strlen(name), extra = wcslen(tail) + 1;
    if (prefix_length > INT_MAX / 4 || length > INT_MAX / 4) return NULL;
    wchar_t *out = malloc((prefix_length + length + extra) * sizeof *out);
    if (!out) return NULL;
    int used = prefix_length ? MultiByteToWideChar(CP_UTF8, 0, prefix, (int)prefix_length, out, (int)prefix_length) : 0;
    used += length ? MultiByteToWideChar(CP_UTF8, 0, name, (int)length, out + used, (int)length) : 0;
    memcpy(out + used, tail, extra * sizeof *tail);
    return out;
}

static fd_os_type type_of(DWORD attributes, DWORD reparse)
{
    if (attributes & FILE_ATTRIBUTE_REPARSE_POINT && (reparse == IO_REPARSE_TAG_SYMLINK || reparse == IO_REPARSE_TAG_MOUNT_POINT))
        return FD_OS_LINK;
    if (attributes & FILE_ATTRIBUTE_DEVICE) return FD_OS_OTHER;
    return attributes & FILE_ATTRIBUTE_DIRECTORY ? FD_OS_FOLDER : FD_OS_FILE;
}

static int facts_of_handle(HANDLE handle, fd_os_facts *facts)
{
    BY_HANDLE_FILE_INFORMATION info;
    if (GetFileType(handle) != FILE_TYPE_DISK) {
        *facts = (fd_os_facts){.type = FD_OS_OTHER};
        return 0;
    }
    if (!GetFileInformationByHandle(handle, &info)) return errno_of(GetLastError());
    const uint64_t ticks = (uint64_t)info.ftLastWriteTime.dwHighDateTime << 32 | info.ftLastWriteTime.dwLowDateTime;
    *facts = (fd_os_facts){.type = type_of(info.dwFileAttributes, 0),
                           .size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow,
                           .mtime = (int64_t)(ticks / 10) - 11644473600000000, /* from 1601 to 1970 */
                           .device = info.dwVolumeSerialNumber,
                           .inode = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow};
    return 0;
}

static int look_at(const wchar_t *path, bool follow, fd_os_facts *facts)
{
    if (!path) return ENOMEM;
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const DWORD flags = FILE_FLAG_BACKUP_SEMANTICS | (follow ? 0 : FILE_FLAG_OPEN_REPARSE_POINT);
    HANDLE handle = CreateFileW(path, FILE_READ_ATTRIBUTES, share, NULL, OPEN_EXISTING, flags, NULL);
    if (handle == INVALID_HANDLE_VALUE) return errno_of(GetLastError());
    const int code = facts_of_handle(handle, facts);
    CloseHandle(handle);
    return code;
}

int fd_os_look(const fd_os_name *name, bool follow, fd_os_facts *facts)
{
    wchar_t *path = wide(name->prefix, name->prefix_length, name->name, L"");
    const int code = look_at(path, follow, facts);
    free(path);
    return code;
}

int fd_os_list(const char *path, bool follow, fd_os_listing **listing, fd_os_facts *facts)
{
    wchar_t *exact = wide("", 0, path, L""), *pattern = wide("", 0, path, L"\\*");
    fd_os_listing *l = calloc(1, sizeof *l);
    int code = exact && pattern && l ? look_at(exact, true, facts) : ENOMEM;
    if (!code && facts->type != FD_OS_FOLDER) code = ENOTDIR;
    if (!code && !follow) {
        const DWORD attributes = GetFileAttributesW(exact);
        if (attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_REPARSE_POINT) code = ENOTDIR;
    }
    if (!code) {
        l->search = FindFirstFileW(pattern, &l->found);
        l->first = true;
        if (l->search == INVALID_HANDLE_VALUE) code = errno_of(GetLastError());
    }
    free(exact);
    free(pattern);
    if (code) {
        free(l);
        return code;
    }
    *listing = l;
    return 0;
}

int fd_os_list_next(fd_os_listing *l, const char **name, fd_os_type *type)
{
    for (;;) {
        if (!l->first && !FindNextFileW(l->search, &l->found)) {
            const DWORD code = GetLastError();
            return code == ERROR_NO_MORE_FILES ? FD_OS_END : errno_of(code);
        }
        l->first = false;
        if (wcscmp(l->found.cFileName, L".") == 0 || wcscmp(l->found.cFileName, L"..") == 0) continue;
        if (!WideCharToMultiByte(CP_UTF8, 0, l->found.cFileName, -1, l->name, sizeof l->name, NULL, NULL)) continue;
        *name = l->name;
        *type = type_of(l->found.dwFileAttributes, l->found.dwReserved0);
        return 0;
    }
}

int fd_os_list_folder(const fd_os_listing *l)
{
    (void)l;
    return FD_OS_HERE;
}

void fd_os_list_end(fd_os_listing *l)
{
    FindClose(l->search);
    free(l);
}

int fd_os_folder_open(const char *path, bool follow, int *folder)
{
    (void)path;
    (void)follow;
    *folder = FD_OS_HERE;
    return 0;
}

void fd_os_folder_close(int folder) { (void)folder; }

int fd_os_open(const fd_os_name *name, int *file)
{
    wchar_t *path = wide(name->prefix, name->prefix_length, name->name, L"");
    if (!path) return ENOMEM;
    *file = _wopen(path, _O_RDONLY | _O_BINARY | _O_NOINHERIT);
    const int code = *file < 0 ? errno : 0;
    free(path);
    return code;
}

int fd_os_facts_of(int file, fd_os_facts *facts) { return facts_of_handle((HANDLE)_get_osfhandle(file), facts); }

int fd_os_read(int file, uint64_t offset, void *out, size_t n, size_t *got)
{
    HANDLE handle = (HANDLE)_get_osfhandle(file);
    *got = 0;
    while (*got < n) {
        const uint64_t from = offset + *got;
        OVERLAPPED at = {0};
        DWORD now = 0, want = n - *got > 1u << 30 ? 1u << 30 : (DWORD)(n - *got);
        at.Offset = (DWORD)(from & 0xFFFFFFFFu);
        at.OffsetHigh = (DWORD)(from >> 32);
        if (!ReadFile(handle, (char *)out + *got, want, &now, &at)) return GetLastError() == ERROR_HANDLE_EOF ? 0 : EIO;
        if (now == 0) break;
        *got += now;
    }
    return 0;
}

void fd_os_close(int file) { _close(file); }

void fd_os_fetch(int file, size_t n)
{
    (void)file;
    (void)n;
}

uint64_t fd_os_fetched(void) { return 0; }

bool fd_os_is_remote(const char *path)
{
    wchar_t *exact = wide("", 0, path, L""), root[MAX_PATH];
    const bool remote = exact && GetVolumePathNameW(exact, root, MAX_PATH) && GetDriveTypeW(root) == DRIVE_REMOTE;
    free(exact);
    return remote;
}

int fd_os_exchange(const char *path, const char *other)
{
    (void)path;
    (void)other;
    return ENOSYS;
}

void fd_os_message(int os_errno, char *text, size_t room)
{
    if (strerror_s(text, room, os_errno) != 0) text[0] = 0;
}

#else

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <sys/vfs.h>
#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1 /* the header tells it with _GNU_SOURCE alone, which would make strerror_r another function */
#endif
#elif defined(__APPLE__) || defined(__FreeBSD__)
#include <sys/mount.h>
#include <sys/param.h>
#endif

struct fd_os_listing {
    DIR *stream;
    int folder;
};

static int at(int folder) { return folder == FD_OS_HERE ? AT_FDCWD : folder; }

static void take(const struct stat *st, fd_os_facts *facts)
{
#ifdef __APPLE__
    const struct timespec t = st->st_mtimespec;
#else
    const struct timespec t = st->st_mtim;
#endif
    const int64_t far = INT64_MAX / 1000000 - 1;
    const int64_t seconds = t.tv_sec > far ? far : t.tv_sec < -far ? -far : (int64_t)t.tv_sec;
    const mode_t mode = st->st_mode;
    facts->type = S_ISREG(mode) ? FD_OS_FILE : S_ISDIR(mode) ? FD_OS_FOLDER : S_ISLNK(mode) ? FD_OS_LINK : FD_OS_OTHER;
    facts->size = st->st_size > 0 ? (uint64_t)st->st_size : 0;
    facts->mtime = seconds * 1000000 + t.tv_nsec / 1000;
    facts->device = (uint64_t)st->st_dev;
    facts->inode = (uint64_t)st->st_ino;
}

int fd_os_look(const fd_os_name *name, bool follow, fd_os_facts *facts)
{
    struct stat st;
    if (fstatat(at(name->folder), name->name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return errno;
    take(&st, facts);
    return 0;
}

int fd_os_folder_open(const char *path, bool follow, int *folder)
{
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
    return *folder < 0 ? errno : 0;
}

void fd_os_folder_close(int folder) { close(folder); }

int fd_os_list(const char *path, bool follow, fd_os_listing **listing, fd_os_facts *facts)
{
    int folder;
    const int failed = fd_os_folder_open(path, follow, &folder);
    if (failed) return failed;
    fd_os_listing *l = malloc(sizeof *l);
    DIR *stream = l && fd_os_facts_of(folder, facts) == 0 ? fdopendir(folder) : NULL;
    if (!stream) {
        const int code = l ? errno : ENOMEM;
        close(folder);
        free(l);
        return code;
    }
    l->stream = stream;
    l->folder = folder;
    *listing = l;
    return 0;
}

static fd_os_type type_of(const struct dirent *d)
{
#ifdef DT_REG
    switch (d->d_type) {
    case DT_REG: return FD_OS_FILE;
    case DT_DIR: return FD_OS_FOLDER;
    case DT_LNK: return FD_OS_LINK;
    case DT_UNKNOWN: return FD_OS_UNKNOWN;
    default: return FD_OS_OTHER;
    }
#else
    (void)d;
    return FD_OS_UNKNOWN;
#endif
}

int fd_os_list_next(fd_os_listing *l, const char **name, fd_os_type *type)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(l->stream);
        if (!d) return errno ? errno : FD_OS_END;
        const char *n = d->d_name;
        if (n[0] == '.' && (n[1] == 0 || (n[1] == '.' && n[2] == 0))) continue;
        *name = n;
        *type = type_of(d);
        return 0;
    }
}

int fd_os_list_folder(const fd_os_listing *l) { return l->folder; }

void fd_os_list_end(fd_os_listing *l)
{
    closedir(l->stream);
    free(l);
}

int fd_os_open(const fd_os_name *name, int *file)
{
    /* O_NONBLOCK: a fifo that took the place of a file since it was looked at must not hang the scan. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY;
    *file = openat(at(name->folder), name->name, flags | O_NONBLOCK);
    if (*file < 0 && errno == EWOULDBLOCK)
        *file = openat(at(name->folder), name->name, flags); /* a lease has to be broken first */
    return *file < 0 ? errno : 0;
}

int fd_os_facts_of(int file, fd_os_facts *facts)
{
    struct stat st;
    if (fstat(file, &st) != 0) return errno;
    take(&st, facts);
    return 0;
}

int fd_os_read(int file, uint64_t offset, void *out, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n) {
        const ssize_t now = pread(file, (char *)out + *got, n - *got, (off_t)(offset + *got));
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return errno;
        if (now == 0) break;
        *got += (size_t)now;
    }
    return 0;
}

void fd_os_close(int file) { close(file); }

void fd_os_fetch(int file, size_t n)
{
#ifdef POSIX_FADV_WILLNEED
    posix_fadvise(file, 0, (off_t)n, POSIX_FADV_WILLNEED);
#else
    (void)file;
    (void)n;
#endif
}

uint64_t fd_os_fetched(void)
{
#ifdef RUSAGE_THREAD
    struct rusage used;
    return getrusage(RUSAGE_THREAD, &used) == 0 && used.ru_inblock > 0 ? (uint64_t)used.ru_inblock : 0;
#else
    return 0;
#endif
}

#ifdef __linux__

bool fd_os_is_remote(const char *path)
{
    static const uint32_t remote[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x65735546, /* FUSE */
        0x00C36400, /* Ceph */
        0x0BD00BD0, /* Lustre */
        0x47504653, /* GPFS */
        0x5346414F, /* AFS */
        0x01021997, /* 9P */
        0x19830326, /* BeeGFS */
        0xAAD7AAEA, /* PanFS */
        0x20030528, /* OrangeFS */
        0x01161970, /* GFS2 */
        0x7461636F, /* OCFS2 */
    };
    struct statfs facts;
    if (statfs(path, &facts) != 0) return false;
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if ((uint32_t)facts.f_type == remote[i]) return true;
    return false;
}

#elif defined(__APPLE__) || defined(__FreeBSD__)

bool fd_os_is_remote(const char *path)
{
    struct statfs facts;
    return statfs(path, &facts) == 0 && !(facts.f_flags & MNT_LOCAL);
}

#else

bool fd_os_is_remote(const char *path)
{
    (void)path;
    return false;
}

#endif

int fd_os_exchange(const char *path, const char *other)
{
#if defined(__linux__) && defined(SYS_renameat2)
    const unsigned exchange = 2; /* RENAME_EXCHANGE of linux/fs.h, which not every C library knows */
    if (syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, exchange) == 0) return 0;
#elif defined(__APPLE__) && defined(RENAME_SWAP)
    if (renamex_np(path, other, RENAME_SWAP) == 0) return 0;
#else
    (void)path;
    (void)other;
    errno = ENOSYS;
#endif
    const int code = errno;
    return code == EINVAL || code == ENOTSUP || code == EOPNOTSUPP ? ENOSYS : code; /* as file systems say that they cannot */
}

void fd_os_message(int os_errno, char *text, size_t room)
{
    if (strerror_r(os_errno, text, room) != 0) text[0] = 0;
}

#endif
