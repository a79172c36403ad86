/* SPDX-License-Identifier: MIT
 * See metrics_page.h. */
#include "metrics_page.h"

#include <pthread.h>
#include <time.h>

#include "children.h"
#include "exposition.h"
#include "targets.h"

/* ---- One look at all processes ---- */

static const struct own_metric up = {
    "brkmalloc_up", "", "Whether the process answered; if not, it has no other metrics."};
static const struct own_metric processes = {"brkmalloc_exporter_processes", "",
                                            "Processes that take requests."};
static const struct own_metric processes_max = {"brkmalloc_exporter_processes_max", "",
                                                "Processes that are asked at most."};
static const struct own_metric left_out = {
    "brkmalloc_exporter_processes_left_out", "",
    "Processes above the maximum, those with the highest numbers, which are not asked."};
static const struct own_metric duration = {"brkmalloc_exporter_look_seconds", "seconds",
                                           "Time that it took to find and ask all processes."};
static const struct own_metric version = {"brkmalloc_exporter_version_info", "",
                                          "The exporter's version, as a label."};

/* All of it the looker's, of whom there is one at a time. */
static struct {
    struct targets targets;
    struct child children[TARGETS_MAX];
    struct metrics_answer answer;
    struct exposition exposition;
} look;

static double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void ask_all(const char *asker)
{
    children_open(look.children, look.targets.count);
    for (size_t i = 0; i < look.targets.count; i++) {
        struct child *child = &look.children[i];
        const char *words[] = {asker, "ctl", look.targets.all[i].name, "metrics"};
        for (size_t word = 0; word < sizeof(words) / sizeof(words[0]); word++) {
            child->words[word] = words[word];
        }
        child->limit_ms = METRICS_LIMIT_MS;
    }
    children_run(look.children, look.targets.count);
}

/* Adds its metrics, if all that it said is well and it is who it was. */
static bool add_answer(const struct child *child, const struct target *target)
{
    if (child->status != 0 || child->is_late) {
        return false;
    }
    struct text text = child_text(child->output);
    bool added = metrics_answer_read(&look.answer, text.bytes) && target_is_same(target) &&
                 exposition_add(&look.exposition, &look.answer, target->labels.bytes);
    text_free(&text);
    return added;
}

static void add_own(double seconds)
{
    struct exposition *exposition = &look.exposition;
    double found = (double)(look.targets.count + look.targets.left_out);
    exposition_add_own(exposition, processes, "", found);
    exposition_add_own(exposition, processes_max, "", TARGETS_MAX);
    exposition_add_own(exposition, left_out, "", (double)look.targets.left_out);
    exposition_add_own(exposition, duration, "", seconds);
    exposition_add_own(exposition, version, "version=\"" BRKM_EXPORTER_VERSION "\"", 1);
}

static void look_at_all(const char *asker)
{
    double start = clock_seconds();
    targets_find(&look.targets);
    ask_all(asker);
    add_own(clock_seconds() - start);
    for (size_t i = 0; i < look.targets.count; i++) {
        const struct target *target = &look.targets.all[i];
        bool is_up = add_answer(&look.children[i], target);
        exposition_add_own(&look.exposition, up, target->labels.bytes, is_up);
    }
    children_close(look.children, look.targets.count);
    targets_free(&look.targets);
}

/* ---- Several who want to know ---- */

/* Under the lock, but for `look` above, which is the looker's while there is one. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t has_ended;
    bool has_looker;
    unsigned long looks;  /* that have ended */
    struct text texts[2]; /* of the last, as Prometheus has read it before and as OpenMetrics */
} page = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_ended = PTHREAD_COND_INITIALIZER};

static void put_up(void)
{
    for (int i = 0; i < 2; i++) {
        text_clear(&page.texts[i]);
        exposition_write(&look.exposition, i == 1, &page.texts[i]);
    }
    exposition_free(&look.exposition);
    page.has_looker = false;
    page.looks++;
    pthread_cond_broadcast(&page.has_ended);
}

void metrics_page_make(struct text *text, const char *asker, bool openmetrics)
{
    pthread_mutex_lock(&page.lock);
    if (page.has_looker) {
        unsigned long before = page.looks;
        while (page.looks == before) {
            pthread_cond_wait(&page.has_ended, &page.lock);
        }
    } else {
        page.has_looker = true;
        pthread_mutex_unlock(&page.lock);
        look_at_all(asker);
        pthread_mutex_lock(&page.lock);
        put_up();
    }
    text_add_bytes(text, page.texts[openmetrics].bytes, page.texts[openmetrics].length);
    pthread_mutex_unlock(&page.lock);
}
