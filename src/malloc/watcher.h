/* SPDX-License-Identifier: MIT
 * Who sees more of the program's blocks than malloc and free do of themselves, as two tables of
 * functions which others fill in:
 *
 *   watcher   sees each block: serves it, judges it, keeps it for a while when it is freed
 *   recorder  takes note of some blocks, and of their end
 *
 * While there is one, malloc's fast path always misses (brkm__cache_watch_malloc), and blocks that
 * are watched or noted have states of their own, which free's fast path does not take. */
#ifndef BRKMALLOC_MALLOC_WATCHER_H
#define BRKMALLOC_MALLOC_WATCHER_H

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"
#include "cache/thread_cache.h"
#include "kit/report.h"
#include "malloc/place.h"

/* What the figures of both tables are. */
struct watch_figures {
    struct { /* the heap's blocks that were freed and are kept */
        size_t blocks, bytes;
        size_t own_bytes; /* from the system for what is known of them */
        uint64_t contended;
    } kept;
    struct { /* blocks in memory of the watcher's own */
        size_t blocks, bytes;
        size_t from_system;
        size_t allocations, missed; /* ever; that found no room there */
        uint64_t contended;
    } apart;
    struct { /* blocks that were noted */
        uint64_t ever, live, lost;
        uint64_t stacks;
        size_t own_bytes;
        uint64_t contended;
    } noted;
};

/* ---- The watcher ---- */

struct request {
    size_t size;
    size_t room; /* bytes that the block may grow to, at least `size` */
    size_t alignment;
    bool noted; /* verifying the block shall tell so */
};

struct watcher {
    struct cache_keeper keeper;
    /* malloc and free where nothing special is due: NULL, or false, when it is, and nothing
     * happened. */
    void *(*malloc)(size_t size);
    bool (*free)(void *memory);
    /* False when such a block is nothing to the watcher. */
    bool (*serve)(const struct request *request, struct allocated *result);
    bool (*release)(void *memory, struct held held, const char *caller);
    /* True for a block that is not to be resized as others are; and gives it another size where it
     * stands, false when there is no room. */
    bool (*has)(struct held held);
    bool (*resize)(void *memory, struct held held, size_t size, bool noted);
    /* Judges the start of what lies in the watcher's own memory; false for other addresses. */
    bool (*verify_apart)(const void *memory, const char *caller, struct held *held);
    /* Judges a block whose header says that it is watched; `held` is as of others. */
    void (*verify_watched)(const void *memory, const char *caller, struct held *held);
    /* Gives back what the watcher keeps, but for what other threads keep. True when there was
     * something. */
    bool (*drain)(void);
    void (*count)(struct watch_figures *figures);
};

/* NULL without. Written once, by the constructor; what the program frees later was allocated by
 * somebody who knew (relaxed_load). */
extern const struct watcher *brkm__watcher BRKM_HIDDEN;

void brkm__watch_by(const struct watcher *watcher);

static inline const struct watcher *watcher_get(void)
{
    return relaxed_load(brkm__watcher);
}

/* ---- The recorder ---- */

/* Blocks are counted in parts of one: a large block that was hit stands for less than one. */
#define SAMPLING_BLOCK ((uint64_t)1 << 16)

/* What a noted block stands for; all zero for one that is not noted. */
struct sample_weight {
    uint64_t bytes;
    uint64_t block_parts; /* of SAMPLING_BLOCK */
};

/* A note that was taken back: its block is about to move. */
struct note {
    uintptr_t address; /* 0 for none */
    void *stack;
    struct sample_weight weight;
};

struct recorder {
    /* What a block of `size` bytes is to be noted as, where watch_passes was false; and where it
     * was not asked, since each call is seen. */
    struct sample_weight (*weigh)(size_t size);
    struct sample_weight (*weigh_apart)(size_t size);
    void (*note)(const void *memory, struct sample_weight weight);
    /* Of a block that nobody else can reach. */
    void (*forget)(const void *memory);
    /* The same without waiting; false, and nothing happened, when that cannot be. */
    bool (*try_forget)(const void *memory);
    struct note (*take)(const void *memory);
    void (*put_back)(struct note note);
    void (*count)(struct watch_figures *figures);
    /* What is noted of a block in use; the address 0 when nothing is. */
    struct note (*find)(const void *memory);
    /* Adds frame number `index` of a note's stack, "0xADDRESS FILE+0xOFFSET"; and the build of its
     * file, "BUILD_ID of FILE", unless a frame before told it. False behind the last frame. Neither
     * asks the loader, whose lock the program may hold. */
    bool (*add_frame)(struct line *line, const void *stack, size_t index);
    bool (*add_build)(struct line *line, const void *stack, size_t index);
    /* Writes all that is noted. */
    void (*write)(brkm_writer write, void *context);
};

/* NULL before the first; and whether it weighs blocks at the moment. Written by the constructor and
 * the program. Release pairs with acquire: who sees that blocks are weighed sees what that needs.
 */
extern const struct recorder *brkm__recorder BRKM_HIDDEN;
extern bool brkm__recording BRKM_HIDDEN;

/* Blocks are weighed from now on, or no longer. */
void brkm__record_by(const struct recorder *recorder, bool on);

static inline bool recorder_is_on(void)
{
    return __atomic_load_n(&brkm__recording, __ATOMIC_ACQUIRE);
}

/* Bytes that the thread may ask for before the recorder wants to see a block; 0 while nothing is
 * recorded, and where each block is seen anyway. Only the thread itself writes. */
extern _Thread_local size_t brkm__watch_left BRKM_HIDDEN __attribute__((tls_model("initial-exec")));

/* True, and counted, when the recorder need not see a block of `size` bytes. Price: 4 instructions.
 */
static BRKM_ALWAYS_INLINE bool watch_passes(size_t size)
{
    size_t left = brkm__watch_left;
    if (unlikely(size >= left)) {
        return false;
    }
    brkm__watch_left = left - size;
    return true;
}

/* ---- For the malloc family ---- */

/* True when watcher or recorder must see an allocation of `size` bytes, which otherwise is counted.
 * Asked once for each. */
static BRKM_ALWAYS_INLINE bool watch_wants(size_t size)
{
    return unlikely(watcher_get() != NULL || recorder_is_on()) && !watch_passes(size);
}

/* What such an allocation is to be noted as. */
struct sample_weight brkm__watch_weigh(size_t size);

/* Serves a block, and notes it. An ordinary one where nobody has anything to do with it. `room`
 * bytes, at least `size`, are what it may grow to. */
struct allocated brkm__watch_serve(size_t size, size_t room, size_t alignment,
                                   struct sample_weight weight);

/* Takes a block back that was verified, whatever it is. `caller` goes into messages. */
void brkm__watch_release(void *memory, struct held held, const char *caller);

/* Before the block is resized: its note is taken back, if there is one. Afterwards the new note, or
 * the old one where nothing happened. */
struct note brkm__watch_take_note(void *memory, struct held *held);
void brkm__watch_note(void *memory, struct held held, struct sample_weight weight);
void brkm__watch_put_back(void *memory, struct held held, struct note note);

struct watch_figures brkm__watch_figures(void);

#endif
