#include "fd_walk.h"

#include "fd_number.h"
#include "fd_os.h"

#include <errno.h>

/* A name in a listing. Sorting compares `key`, eight bytes of it, before it looks at the rest. */
typedef struct name {
    uint64_t key;
    uint32_t offset; /* in the listing's text, NUL behind it */
    uint16_t length;
    uint8_t type, os_errno;
} name;

typedef struct listing {
    fd_buffer text;
    name *names;
    size_t count, room;
    size_t next; /* the first that was not visited */
} listing;

/* A folder on the way down: what is left of the folders in it. */
typedef struct level {
    listing folders;
    size_t prefix_length; /* of the folder's own prefix in walk->prefix */
} level;

typedef struct identity {
    uint64_t device, inode;
    bool used;
} identity;

struct fd_walk {
    bool recursive, follow_links;
    listing given;
    listing files; /* of the folder that is open */
    int folder;    /* its descriptor, or FD_OS_HERE */
    fd_os_listing *open;
    int read_errno; /* reading the folder failed half way */
    fd_buffer prefix;
    bool prefix_is_utf8;
    level *levels;
    size_t depth, levels_room;
    identity *seen; /* folders entered, kept only when links are followed: an open hash table */
    size_t seen_count, seen_room;
};

static void listing_clear(listing *l) { l->text.used = l->count = l->next = 0; }

static void listing_free(listing *l)
{
    fd_buffer_free(&l->text);
    free(l->names);
    memset(l, 0, sizeof *l);
}

static fd_status listing_add(listing *l, const char *text, size_t n, fd_entry_type type, int os_errno)
{
    if (l->text.used + n + 1 > UINT32_MAX || n > UINT16_MAX) return FD_LIMIT;
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 64;
        name *names = room > SIZE_MAX / sizeof *names ? NULL : realloc(l->names, room * sizeof *names);
        if (!names) return FD_MEMORY;
        l->names = names;
        l->room = room;
    }
    l->names[l->count] =
        (name){.offset = (uint32_t)l->text.used, .length = (uint16_t)n, .type = (uint8_t)type, .os_errno = (uint8_t)os_errno};
    if (fd_buffer_append(&l->text, text, n) != FD_OK || fd_buffer_append(&l->text, "", 1) != FD_OK) return FD_MEMORY;
    l->count++;
    return FD_OK;
}

static const char *text_of(const listing *l, const name *n) { return (const char *)l->text.data + n->offset; }

/* sorting */

static bool before(const listing *l, const name *a, const name *b)
{
    if (a->key != b->key) return a->key < b->key;
    return strcmp(text_of(l, a), text_of(l, b)) < 0;
}

static void sift(const listing *l, size_t root, size_t count)
{
    name *names = l->names;
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && before(l, &names[child], &names[child + 1])) child++;
        if (!before(l, &names[root], &names[child])) return;
        const name swap = names[root];
        names[root] = names[child];
        names[child] = swap;
        root = child;
    }
}

static void heap_sort(listing *l, size_t first, size_t count)
{
    const listing part = {.text = l->text, .names = l->names + first};
    for (size_t i = count / 2; i-- > 0;) sift(&part, i, count);
    for (size_t n = count; n > 1; n--) {
        const name swap = part.names[0];
        part.names[0] = part.names[n - 1];
        part.names[n - 1] = swap;
        sift(&part, 0, n - 1);
    }
}

static void insertion_sort(listing *l, size_t first, size_t count)
{
    name *names = l->names + first;
    for (size_t i = 1; i < count; i++) {
        const name moving = names[i];
        size_t j = i;
        for (; j > 0 && before(l, &moving, &names[j - 1]); j--) names[j] = names[j - 1];
        names[j] = moving;
    }
}

static size_t median_of_three(const listing *l, size_t a, size_t b, size_t c)
{
    const name *n = l->names;
    if (before(l, &n[a], &n[b])) return before(l, &n[b], &n[c]) ? b : before(l, &n[a], &n[c]) ? c : a;
    return before(l, &n[a], &n[c]) ? a : before(l, &n[b], &n[c]) ? c : b;
}

/* Quicksort that turns to heap sort when a hostile order makes it slow; the stack stays below log2 of the count. */
static void sort_range(listing *l, size_t first, size_t count, int budget)
{
    while (count > 24) {
        if (budget-- == 0) {
            heap_sort(l, first, count);
            return;
        }
        name *names = l->names;
        const name pivot = names[median_of_three(l, first, first + count / 2, first + count - 1)];
        size_t i = first, j = first + count - 1;
        for (;;) {
            while (before(l, &names[i], &pivot)) i++;
            while (before(l, &pivot, &names[j])) j--;
            if (i >= j) break;
            const name swap = names[i];
            names[i++] = names[j];
            names[j--] = swap;
        }
        const size_t left = j + 1 - first, right = count - left;
        if (left == 0 || right == 0) {
            heap_sort(l, first, count);
            return;
        }
        if (left < right) {
            sort_range(l, first, left, budget);
            first += left;
            count = right;
        } else {
            sort_range(l, first + left, right, budget);
            count = left;
        }
    }
    insertion_sort(l, first, count);
}

/* Names in a folder mostly begin alike: the key is taken behind what all have in common. */
static void listing_sort(listing *l)
{
    if (l->count < 2) return;
    const char *first = text_of(l, &l->names[0]);
    size_t common = l->names[0].length;
    for (size_t i = 1; i < l->count && common; i++) {
        const char *other = text_of(l, &l->names[i]);
        size_t j = 0;
        while (j < common && other[j] == first[j]) j++;
        common = j;
    }
    int budget = 2;
    for (size_t n = l->count; n; n >>= 1) budget += 2;
    bool sorted = true;
    for (size_t i = 0; i < l->count; i++) {
        uint8_t bytes[8] = {0};
        const size_t rest = l->names[i].length - common;
        memcpy(bytes, text_of(l, &l->names[i]) + common, rest < 8 ? rest : 8);
        l->names[i].key = fd_load64be(bytes);
        if (sorted && i && before(l, &l->names[i], &l->names[i - 1])) sorted = false;
    }
    if (!sorted) sort_range(l, 0, l->count, budget);
}

/* folders entered */

static identity *find_seen(identity *table, size_t room, uint64_t device, uint64_t inode)
{
    uint64_t hash = (inode ^ device * 0x9E3779B97F4A7C15u) * 0xFF51AFD7ED558CCDu;
    size_t i = (size_t)(hash >> 20) & (room - 1);
    while (table[i].used && (table[i].device != device || table[i].inode != inode)) i = (i + 1) & (room - 1);
    return &table[i];
}

/* FD_END: this folder was entered before. */
static fd_status remember(fd_walk *w, uint64_t device, uint64_t inode)
{
    if (2 * (w->seen_count + 1) > w->seen_room) {
        const size_t room = w->seen_room ? 2 * w->seen_room : 256;
        identity *table = calloc(room, sizeof *table);
        if (!table) return FD_MEMORY;
        for (size_t i = 0; i < w->seen_room; i++)
            if (w->seen[i].used) *find_seen(table, room, w->seen[i].device, w->seen[i].inode) = w->seen[i];
        free(w->seen);
        w->seen = table;
        w->seen_room = room;
    }
    identity *slot = find_seen(w->seen, w->seen_room, device, inode);
    if (slot->used) return FD_END;
    *slot = (identity){device, inode, true};
    w->seen_count++;
    return FD_OK;
}

/* the walk */

fd_walk *fd_walk_new(bool recursive, bool follow_links)
{
    fd_walk *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->recursive = recursive;
    w->follow_links = follow_links;
    w->folder = FD_OS_HERE;
    return w;
}

static void close_folder(fd_walk *w)
{
    if (w->open) fd_os_list_end(w->open);
    w->open = NULL;
    w->folder = FD_OS_HERE;
}

void fd_walk_free(fd_walk *w)
{
    if (!w) return;
    close_folder(w);
    for (size_t i = 0; i < w->depth; i++) listing_free(&w->levels[i].folders);
    free(w->levels);
    listing_free(&w->given);
    listing_free(&w->files);
    fd_buffer_free(&w->prefix);
    free(w->seen);
    free(w);
}

fd_status fd_walk_give(fd_walk *w, const char *path, size_t length)
{
    if (w->given.next == w->given.count) listing_clear(&w->given);
    fd_entry_type type = FD_ENTRY_FOLDER; /* not looked at yet */
    int os_errno = 0;
    if (length > UINT16_MAX) {
        length = UINT16_MAX;
        type = FD_ENTRY_FAILED;
        os_errno = ENAMETOOLONG;
    } else if (memchr(path, 0, length)) {
        type = FD_ENTRY_FAILED;
        os_errno = EINVAL;
    }
    return listing_add(&w->given, path, length, type, os_errno);
}

static fd_entry_type entry_type(fd_os_type type)
{
    return type == FD_OS_FILE ? FD_ENTRY_FILE : type == FD_OS_FOLDER ? FD_ENTRY_FOLDER : FD_ENTRY_SPECIAL;
}

/* What a name in the open folder is. *skip: a link to a folder, when links are not followed. */
static fd_entry_type look(const fd_walk *w, const char *text, fd_os_type type, int *os_errno, bool *skip)
{
    const fd_os_name n = {w->folder, (const char *)w->prefix.data, w->prefix.used, text};
    fd_os_facts facts;
    *os_errno = 0;
    *skip = false;
    if (type == FD_OS_UNKNOWN) {
        *os_errno = fd_os_look(&n, false, &facts);
        if (*os_errno) return FD_ENTRY_FAILED;
        type = facts.type;
    }
    if (type != FD_OS_LINK) return entry_type(type);
    *os_errno = fd_os_look(&n, true, &facts);
    if (*os_errno) return FD_ENTRY_FAILED;
    *skip = facts.type == FD_OS_FOLDER && !w->follow_links;
    return entry_type(facts.type);
}

/* Reads the open folder into w->files and `folders`. */
static fd_status list_folder(fd_walk *w, listing *folders)
{
    const char *n;
    fd_os_type found;
    listing_clear(&w->files);
    w->read_errno = 0;
    for (;;) {
        const int code = fd_os_list_next(w->open, &n, &found);
        if (code) {
            w->read_errno = code == FD_OS_END ? 0 : code;
            break;
        }
        int os_errno;
        bool skip;
        const fd_entry_type type = look(w, n, found, &os_errno, &skip);
        if (skip || (type == FD_ENTRY_FOLDER && !w->recursive)) continue;
        const fd_status status = listing_add(type == FD_ENTRY_FOLDER ? folders : &w->files, n, strlen(n), type, os_errno);
        if (status == FD_LIMIT) {
            w->read_errno = EFBIG; /* four gigabytes of names */
            break;
        }
        if (status != FD_OK) return status;
    }
    listing_sort(&w->files);
    listing_sort(folders);
    return FD_OK;
}

static fd_status push_level(fd_walk *w)
{
    if (w->depth == w->levels_room) {
        const size_t room = w->levels_room ? 2 * w->levels_room : 16;
        level *levels = realloc(w->levels, room * sizeof *levels);
        if (!levels) return FD_MEMORY;
        w->levels = levels;
        w->levels_room = room;
    }
    w->levels[w->depth++] = (level){.prefix_length = w->prefix.used};
    return FD_OK;
}

/* Enters the folder whose path is the first `path_length` bytes of w->prefix (NUL behind them).
 * FD_OK; FD_END: entered before; FD_IO: *os_errno says why not. */
static fd_status enter(fd_walk *w, size_t path_length, bool follow, int *os_errno)
{
    const char *path = (const char *)w->prefix.data;
    fd_os_facts facts;
    *os_errno = fd_os_list(path, follow, &w->open, &facts);
    if (*os_errno) {
        w->open = NULL;
        return FD_IO;
    }
    fd_status status = w->follow_links ? remember(w, facts.device, facts.inode) : FD_OK;
    if (status != FD_OK) {
        close_folder(w);
        return status;
    }
    w->folder = fd_os_list_folder(w->open);
    w->prefix.used = path_length;
    const char last = path[path_length - 1], separator = FD_OS_SEPARATOR;
    if (last != '/' && last != separator && fd_buffer_append(&w->prefix, &separator, 1) != FD_OK) return FD_MEMORY;
    w->prefix_is_utf8 = fd_utf8_valid(w->prefix.data, w->prefix.used) == w->prefix.used;
    status = push_level(w);
    return status == FD_OK ? list_folder(w, &w->levels[w->depth - 1].folders) : status;
}

static void describe(const fd_walk *w, const listing *l, const name *n, fd_entry *entry)
{
    *entry = (fd_entry){.type = (fd_entry_type)n->type,
                        .os_errno = n->os_errno,
                        .folder = w->folder,
                        .prefix = (const char *)w->prefix.data,
                        .name = text_of(l, n),
                        .prefix_length = w->prefix.used,
                        .name_length = n->length,
                        .prefix_is_utf8 = w->prefix_is_utf8};
}

/* A row for the folder whose path stands in w->prefix[:length]. */
static void describe_failure(const fd_walk *w, size_t length, int os_errno, fd_entry *entry)
{
    *entry = (fd_entry){.type = FD_ENTRY_FAILED,
                        .os_errno = os_errno,
                        .folder = FD_OS_HERE,
                        .prefix = (const char *)w->prefix.data,
                        .name = "",
                        .prefix_length = length,
                        .prefix_is_utf8 = fd_utf8_valid(w->prefix.data, length) == length};
}

/* A path that the user named. FD_END: nothing to report of itself, go on. */
static fd_status visit_given(fd_walk *w, fd_entry *entry)
{
    const name *n = &w->given.names[w->given.next++];
    w->prefix.used = 0;
    w->prefix_is_utf8 = true;
    w->folder = FD_OS_HERE;
    describe(w, &w->given, n, entry);
    if (n->type == FD_ENTRY_FAILED) return FD_OK;
    const fd_os_name here = {.folder = FD_OS_HERE, .prefix = "", .name = entry->name};
    fd_os_facts facts;
    entry->os_errno = fd_os_look(&here, true, &facts);
    entry->type = entry->os_errno ? FD_ENTRY_FAILED : entry_type(facts.type);
    if (entry->type != FD_ENTRY_FOLDER) return FD_OK;
    if (fd_buffer_append(&w->prefix, entry->name, (size_t)n->length + 1) != FD_OK) return FD_MEMORY;
    int os_errno = 0;
    const fd_status status = enter(w, n->length, true, &os_errno);
    if (status == FD_IO) {
        describe_failure(w, n->length, os_errno, entry);
        return FD_OK;
    }
    return status == FD_OK ? FD_END : status;
}

/* The next folder in the one at the top of the way down, or a step up. FD_END: nothing to report, go on. */
static fd_status visit_folder(fd_walk *w, fd_entry *entry)
{
    level *top = &w->levels[w->depth - 1];
    if (top->folders.next == top->folders.count) {
        listing_free(&top->folders);
        w->depth--;
        return FD_END;
    }
    const name *n = &top->folders.names[top->folders.next++];
    w->prefix.used = top->prefix_length;
    if (fd_buffer_append(&w->prefix, text_of(&top->folders, n), (size_t)n->length + 1) != FD_OK) return FD_MEMORY;
    const size_t path_length = w->prefix.used - 1;
    int os_errno = 0;
    const fd_status status = enter(w, path_length, w->follow_links, &os_errno);
    if (status == FD_IO) {
        describe_failure(w, path_length, os_errno, entry);
        return FD_OK;
    }
    return status == FD_OK ? FD_END : status;
}

fd_status fd_walk_next(fd_walk *w, fd_entry *entry)
{
    for (;;) {
        fd_status status;
        if (w->files.next < w->files.count) {
            describe(w, &w->files, &w->files.names[w->files.next++], entry);
            return FD_OK;
        }
        if (w->read_errno) {
            describe_failure(w, w->prefix.used, w->read_errno, entry);
            w->read_errno = 0;
            return FD_OK;
        }
        if (w->open) {
            close_folder(w);
            if (w->files.room > 65536)
                listing_free(&w->files); /* a huge folder is no reason to keep its memory */
            else
                listing_clear(&w->files);
        }
        if (w->depth)
            status = visit_folder(w, entry);
        else if (w->given.next < w->given.count)
            status = visit_given(w, entry);
        else
            return FD_END;
        if (status != FD_END) return status;
    }
}
