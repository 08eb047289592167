#include "fd_walk.h"

#include "fd_number.h"
#include "fd_os.h"

#include <errno.h>

#define CLOSED (-101)    /* as a descriptor: to be opened again */
#define FILES_A_STEP 64u /* that fd_walk_next takes at a time */

/* A folder that was listed or is about to be; or paths that the user named, with an empty prefix. */
struct fd_folder {
    fd_listing files, folders;
    size_t files_next, folders_next; /* the first that was not handed out */
    size_t users;                    /* ranges that are out */
    bool on_the_way;                 /* the walk has it */
    bool named;                      /* paths that the user named: not looked at yet */
    bool follow;                     /* it may be a link */
    fd_os_listing *open;
    int descriptor; /* FD_OS_HERE when there is none */
    bool known;     /* which folder it is: */
    uint64_t device, inode;
    bool prefix_is_utf8;
    size_t prefix_length;
    char *prefix; /* its path with a separator behind, and a NUL */
};

typedef struct identity {
    uint64_t device, inode;
    bool used;
} identity;

struct fd_walk {
    bool recursive, follow_links, apart;
    fd_flag *stop, never;
    fd_listing given;
    fd_folder **way; /* folders with something left: in order, the last is the one that is read */
    size_t depth, room;
    identity *seen; /* folders entered, kept only when links are followed: an open hash table */
    size_t seen_count, seen_room;
    fd_range current; /* of fd_walk_next */
};

/* folders */

static fd_folder *folder_new(const char *prefix, size_t prefix_length, const char *name, size_t name_length, bool follow)
{
    fd_folder *f = calloc(1, sizeof *f);
    char *text = malloc(prefix_length + name_length + 2);
    if (!f || !text) {
        free(f);
        free(text);
        return NULL;
    }
    if (prefix_length) memcpy(text, prefix, prefix_length);
    if (name_length) memcpy(text + prefix_length, name, name_length);
    f->prefix = text;
    f->prefix_length = prefix_length + name_length;
    text[f->prefix_length] = 0;
    f->prefix_is_utf8 = fd_utf8_valid((const uint8_t *)text, f->prefix_length) == f->prefix_length;
    f->follow = follow;
    f->descriptor = FD_OS_HERE;
    return f;
}

static void folder_close(fd_folder *f)
{
    if (f->open)
        fd_os_list_end(f->open);
    else if (f->descriptor >= 0)
        fd_os_folder_close(f->descriptor);
    f->open = NULL;
    f->descriptor = FD_OS_HERE;
}

static void folder_free(fd_folder *f)
{
    folder_close(f);
    fd_listing_free(&f->files);
    fd_listing_free(&f->folders);
    free(f->prefix);
    free(f);
}

/* Gives up what nobody needs any more. */
static void folder_tidy(fd_folder *f)
{
    if (f->users) return;
    if (!f->on_the_way) {
        folder_free(f);
    } else if (f->files_next == f->files.count) {
        folder_close(f);
        fd_listing_free(&f->files);
        f->files_next = 0;
    }
}

static bool has_files(const fd_folder *f) { return f->files_next < f->files.count; }
static bool has_folders(const fd_folder *f) { return f->folders_next < f->folders.count; }

static fd_entry_type entry_type(fd_os_type type)
{
    return type == FD_OS_FILE ? FD_ENTRY_FILE : type == FD_OS_FOLDER ? FD_ENTRY_FOLDER : FD_ENTRY_SPECIAL;
}

/* What a name in an open folder is. *skip: a link to a folder, when links are not followed. */
static fd_entry_type look(const fd_walk *w, const fd_folder *f, const char *text, fd_os_type type, int *os_errno, bool *skip)
{
    const fd_os_name n = {f->descriptor, f->prefix, f->prefix_length, text};
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

/* A row for the folder itself. */
static fd_status add_failure(fd_folder *f, int os_errno)
{
    return fd_listing_add(&f->files, "", 0, FD_ENTRY_FAILED, (uint8_t)os_errno) == FD_MEMORY ? FD_MEMORY : FD_OK;
}

static fd_status read_names(const fd_walk *w, fd_folder *f)
{
    const char *n;
    fd_os_type found;
    int failed = 0;
    while (!fd_flag_is_up(w->stop)) {
        const int code = fd_os_list_next(f->open, &n, &found);
        if (code) {
            failed = code == FD_OS_END ? 0 : code;
            break;
        }
        int os_errno;
        bool skip;
        const fd_entry_type type = look(w, f, n, found, &os_errno, &skip);
        if (skip || (type == FD_ENTRY_FOLDER && !w->recursive)) continue;
        fd_listing *to = type == FD_ENTRY_FOLDER ? &f->folders : &f->files;
        const fd_status status = fd_listing_add(to, n, strlen(n), (uint8_t)type, (uint8_t)os_errno);
        if (status == FD_LIMIT) {
            failed = EFBIG; /* four gigabytes of names */
            break;
        }
        if (status != FD_OK) return status;
    }
    fd_listing_sort(&f->files, w->stop);
    fd_listing_sort(&f->folders, w->stop);
    return failed ? add_failure(f, failed) : FD_OK;
}

fd_status fd_walk_list(fd_walk *w, fd_folder *f)
{
    fd_os_facts facts;
    const int code = fd_os_list(f->prefix, f->follow, &f->open, &facts);
    if (code) {
        f->open = NULL;
        return add_failure(f, code);
    }
    f->known = true;
    f->device = facts.device;
    f->inode = facts.inode;
    f->descriptor = fd_os_list_folder(f->open);
    const char last = f->prefix_length ? f->prefix[f->prefix_length - 1] : 0;
    if (last != '/' && last != FD_OS_SEPARATOR) {
        f->prefix[f->prefix_length++] = FD_OS_SEPARATOR;
        f->prefix[f->prefix_length] = 0;
    }
    return read_names(w, f);
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

fd_walk *fd_walk_new(bool recursive, bool follow_links, bool apart, fd_flag *stop)
{
    fd_walk *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->recursive = recursive;
    w->follow_links = follow_links;
    w->apart = apart;
    w->stop = stop ? stop : &w->never;
    return w;
}

void fd_walk_free(fd_walk *w)
{
    if (!w) return;
    if (w->current.folder) fd_walk_done(w, &w->current);
    for (size_t i = 0; i < w->depth; i++) folder_free(w->way[i]);
    free(w->way);
    fd_listing_free(&w->given);
    free(w->seen);
    free(w);
}

fd_status fd_walk_give(fd_walk *w, const char *path, size_t length, fd_entry_type type)
{
    int os_errno = 0;
    if (length > UINT16_MAX) {
        length = UINT16_MAX;
        type = FD_ENTRY_FAILED;
        os_errno = ENAMETOOLONG;
    } else if (memchr(path, 0, length)) {
        type = FD_ENTRY_FAILED;
        os_errno = EINVAL;
    }
    return fd_listing_add(&w->given, path, length, (uint8_t)type, (uint8_t)os_errno);
}

static fd_status push(fd_walk *w, fd_folder *f)
{
    if (w->depth == w->room) {
        const size_t room = w->room ? 2 * w->room : 16;
        fd_folder **way = realloc(w->way, room * sizeof *way);
        if (!way) return FD_MEMORY;
        w->way = way;
        w->room = room;
    }
    f->on_the_way = true;
    w->way[w->depth++] = f;
    return FD_OK;
}

/* Something was handed out of way[index]. */
static void tidy(fd_walk *w, size_t index)
{
    fd_folder *f = w->way[index];
    if (!has_files(f) && !has_folders(f)) {
        f->on_the_way = false;
        memmove(w->way + index, w->way + index + 1, (w->depth - index - 1) * sizeof *w->way);
        w->depth--;
    }
    folder_tidy(f);
}

fd_status fd_walk_accept(fd_walk *w, fd_folder *f, bool listed)
{
    fd_status status = listed ? FD_OK : FD_END;
    if (listed && f->known && w->follow_links) status = remember(w, f->device, f->inode);
    if (status == FD_OK && !has_files(f) && !has_folders(f)) status = FD_END;
    if (status == FD_OK) status = push(w, f);
    if (status != FD_OK) {
        folder_free(f);
        return status == FD_END ? FD_OK : status;
    }
    folder_tidy(f);
    return FD_OK;
}

/* What the user named, as a folder of nothing but names. */
static fd_status take_given(fd_walk *w)
{
    fd_folder *f = folder_new("", 0, "", 0, true);
    if (!f) return FD_MEMORY;
    f->named = true;
    f->files = w->given;
    memset(&w->given, 0, sizeof w->given);
    const fd_status status = push(w, f);
    if (status != FD_OK) folder_free(f);
    return status;
}

static fd_entry_type look_at_named(fd_folder *f, fd_listed *n)
{
    if (n->type != FD_ENTRY_UNSEEN) return (fd_entry_type)n->type;
    const fd_os_name here = {.folder = FD_OS_HERE, .prefix = "", .name = fd_listing_text(&f->files, n)};
    fd_os_facts facts;
    n->os_errno = (uint8_t)fd_os_look(&here, true, &facts);
    n->type = (uint8_t)(n->os_errno ? FD_ENTRY_FAILED : entry_type(facts.type));
    return (fd_entry_type)n->type;
}

/* How many of the next `most` named paths are no folders. */
static size_t named_files(fd_walk *w, fd_folder *f, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        fd_listed *n = &f->files.names[f->files_next + i];
        const fd_entry_type type = w->apart ? (fd_entry_type)n->type : look_at_named(f, n);
        if (type == FD_ENTRY_FOLDER) return i;
    }
    return most;
}

/* The folder in the way that comes next; in order it is the last, apart one with files goes before. */
static size_t choose(const fd_walk *w)
{
    if (w->apart)
        for (size_t i = w->depth; i-- > 0;)
            if (has_files(w->way[i])) return i;
    return w->depth - 1;
}

/* The next folder in way[index], to be listed. */
static fd_folder *next_folder(fd_walk *w, size_t index)
{
    fd_folder *f = w->way[index];
    const bool named = has_files(f); /* then it is one of those */
    const fd_listing *l = named ? &f->files : &f->folders;
    const fd_listed *n = &l->names[named ? f->files_next : f->folders_next];
    fd_folder *child = folder_new(f->prefix, f->prefix_length, fd_listing_text(l, n), n->length, f->named || w->follow_links);
    if (!child) return NULL;
    if (named)
        f->files_next++;
    else
        f->folders_next++;
    tidy(w, index);
    return child;
}

fd_walk_answer fd_walk_take(fd_walk *w, size_t most, fd_range *range, fd_folder **folder)
{
    while (w->depth || w->given.count) {
        if (!w->depth && take_given(w) != FD_OK) return FD_WALK_MEMORY;
        const size_t index = choose(w);
        fd_folder *f = w->way[index];
        if (has_files(f)) {
            size_t n = f->files.count - f->files_next;
            if (n > most) n = most;
            if (f->named) n = named_files(w, f, n);
            if (n) {
                *range = (fd_range){f, f->files_next, f->files_next + n};
                f->files_next += n;
                f->users++;
                tidy(w, index);
                return FD_WALK_FILES;
            }
        }
        fd_folder *child = next_folder(w, index);
        if (!child) return FD_WALK_MEMORY;
        if (w->apart) {
            *folder = child;
            return FD_WALK_FOLDER;
        }
        const fd_status listed = fd_walk_list(w, child);
        if (fd_walk_accept(w, child, listed == FD_OK) != FD_OK || listed != FD_OK) return FD_WALK_MEMORY;
    }
    return FD_WALK_END;
}

void fd_walk_done(fd_walk *w, fd_range *range)
{
    (void)w;
    range->folder->users--;
    folder_tidy(range->folder);
    range->folder = NULL;
}

bool fd_walk_close(fd_walk *w, fd_range *range)
{
    (void)w;
    fd_folder *f = range->folder;
    if (f->on_the_way || f->users > 1 || f->descriptor < 0) return false;
    folder_close(f);
    f->descriptor = CLOSED;
    return true;
}

int fd_range_open(fd_range *range)
{
    fd_folder *f = range->folder;
    if (f->descriptor != CLOSED) return 0;
    int descriptor;
    const int code = fd_os_folder_open(f->prefix, f->follow, &descriptor);
    if (!code) f->descriptor = descriptor;
    return code;
}

fd_entry fd_range_entry(const fd_range *range, size_t index)
{
    const fd_folder *f = range->folder;
    const fd_listed *n = &f->files.names[index];
    return (fd_entry){.type = (fd_entry_type)n->type,
                      .os_errno = n->os_errno,
                      .folder = f->descriptor,
                      .prefix = f->prefix,
                      .name = fd_listing_text(&f->files, n),
                      .prefix_length = f->prefix_length,
                      .name_length = n->length,
                      .prefix_is_utf8 = f->prefix_is_utf8};
}

fd_status fd_walk_next(fd_walk *w, fd_entry *entry)
{
    fd_range *r = &w->current;
    if (r->folder && r->next == r->end) fd_walk_done(w, r);
    if (!r->folder) {
        fd_folder *unused;
        const fd_walk_answer answer = fd_walk_take(w, FILES_A_STEP, r, &unused);
        if (answer != FD_WALK_FILES) {
            r->folder = NULL;
            return answer == FD_WALK_END ? FD_END : FD_MEMORY;
        }
    }
    *entry = fd_range_entry(r, r->next++);
    return FD_OK;
}
