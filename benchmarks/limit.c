/* The machine's limit for reading heads of files: the system calls that nobody can do without, and nothing else.
 *
 *   cc -O2 limit.c -o limit;  find DIR -type f | ./limit read 8192 5;  ./limit walk DIR 5
 *
 * read N: open + pread(N) + close.   map N: open + fstat + mmap + a touch of each page of the first N bytes + munmap + close.
 * walk DIR: readdir of all folders below and fstatat of what is in them.
 * Prints the seconds of each pass over the files, one a line, after a pass that does not count.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static volatile unsigned touched; /* keeps the compiler from leaving the reads out */

static int read_head(const char *path, unsigned char *buffer, size_t want)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t got = pread(fd, buffer, want, 0);
    if (got > 0) touched += buffer[got - 1];
    close(fd);
    return got < 0 ? -1 : 0;
}

static int map_head(const char *path, size_t want)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) {
        close(fd);
        return -1;
    }
    size_t size = (size_t)st.st_size;
    unsigned char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p != MAP_FAILED) {
        for (size_t at = 0; at < want && at < size; at += PAGE) touched += p[at];
        munmap(p, size);
    }
    close(fd);
    return p == MAP_FAILED ? -1 : 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int walk(int folder)
{
    struct dirent *e;
    struct stat st;
    DIR *stream = fdopendir(folder);
    int failed = stream == NULL;
    while (!failed && (e = readdir(stream)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (e->d_type == DT_DIR) {
            int child = openat(folder, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            failed = child < 0 || walk(child) != 0;
        } else {
            failed = fstatat(folder, e->d_name, &st, 0) != 0;
            touched += (unsigned)st.st_size;
        }
    }
    if (stream != NULL) closedir(stream);
    return failed ? -1 : 0;
}

static int walks(const char *path, long passes)
{
    for (long pass = 0; pass <= passes; pass++) {
        double start = now();
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 || walk(folder) != 0) {
            perror(path);
            return 1;
        }
        if (pass > 0) printf("%.9f\n", now() - start);
    }
    return 0;
}

static char **read_paths(size_t *count)
{
    size_t room = 0, line_room = 0;
    char **paths = NULL, *line = NULL;
    while (getline(&line, &line_room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (*count == room) {
            room = room ? 2 * room : 1024;
            paths = realloc(paths, room * sizeof *paths);
            if (paths == NULL) abort();
        }
        paths[(*count)++] = line;
        line = NULL; /* the list keeps it; getline makes another */
        line_room = 0;
    }
    free(line);
    return paths;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "walk") == 0) return walks(argv[2], strtol(argv[3], NULL, 10));
    if (argc != 4 || (strcmp(argv[1], "read") != 0 && strcmp(argv[1], "map") != 0)) {
        fprintf(stderr, "usage: limit read|map BYTES PASSES < paths, or limit walk DIR PASSES\n");
        return 2;
    }
    int map = strcmp(argv[1], "map") == 0;
    size_t want = strtoull(argv[2], NULL, 10), count = 0;
    long passes = strtol(argv[3], NULL, 10);
    unsigned char *buffer = malloc(want ? want : 1);
    char **paths = read_paths(&count);
    if (buffer == NULL) return 1;
    for (long pass = 0; pass <= passes; pass++) {
        double start = now();
        for (size_t i = 0; i < count; i++) {
            if ((map ? map_head(paths[i], want) : read_head(paths[i], buffer, want)) != 0) {
                perror(paths[i]);
                return 1;
            }
        }
        if (pass > 0) printf("%.9f\n", now() - start);
    }
    for (size_t i = 0; i < count; i++) free(paths[i]);
    free(paths);
    free(buffer);
    return 0;
}
