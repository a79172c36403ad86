/* SPDX-License-Identifier: MIT
 * service/requests.h: each request has its answer, and whatever else comes in gets an error that
 * names it.
 */
#include "service/requests.h"

#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"
#include "kit/options.h"
#include "stats/heap_map.h"
#include "unit.h"

static struct control_answer answer;

/* The whole answer as a text. */
static const char *ask_bytes(const char *request, size_t length)
{
    static char text[1 << 20];
    ck_assert(brkm__control_answer(&answer, request, length));
    size_t size = control_answer_length(&answer);
    ck_assert_uint_lt(size, sizeof(text));
    memcpy(text, control_answer_text(&answer), size);
    text[size] = '\0';
    brkm__control_answer_free(&answer);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    return text;
}

static const char *ask(const char *request)
{
    return ask_bytes(request, strlen(request));
}

/* The text behind "ok LENGTH", of which the length is right. */
static const char *ask_well(const char *request)
{
    const char *text = ask(request);
    ck_assert_msg(strncmp(text, "ok ", 3) == 0, "%s", text);
    char *end;
    unsigned long length = strtoul(text + 3, &end, 10);
    ck_assert_int_eq(*end, '\n');
    ck_assert_uint_eq(strlen(end + 1), length);
    return end + 1;
}

static void ask_badly(const char *request, const char *error)
{
    const char *text = ask(request);
    ck_assert_msg(strcmp(text, error) == 0, "%s: %s", request, text);
}

START_TEST(versions)
{
    const char *text = ask_well("version");
    ck_assert_ptr_nonnull(strstr(text, brkm_version()));
    ck_assert_ptr_nonnull(strstr(text, "\nprotocol 1\nprocess "));
    ask_well("  version \r");
}
END_TEST

START_TEST(statistics)
{
    brkm_free(brkm_malloc(100));
    ck_assert_ptr_nonnull(strstr(ask_well("stats"), "\nmemory from the system "));
    ck_assert_ptr_nonnull(strstr(ask_well("stats lines"), "\nmemory.total "));
    const char *json = ask_well("stats json");
    ck_assert_ptr_eq(strstr(json, "{\"version\":"), json);
    ck_assert_ptr_nonnull(strstr(json, "\"classes\":["));
    ask_badly("stats xml", "error usage unknown format \"xml\"; the formats are json and lines, or "
                           "none for a table\n");
}
END_TEST

START_TEST(options_are_shown_and_set)
{
    ck_assert_str_eq(ask_well("get top_pad"), "top_pad:131072 (default)\n");
    ck_assert_str_eq(ask_well("set top_pad=64k"), "top_pad:65536 (control)\n");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), 65536);
    ck_assert_str_eq(ask_well("set stats_at_exit:true"), "stats_at_exit:true (control)\n");
    const char *all = ask_well("get");
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        ck_assert_ptr_nonnull(strstr(all, brkm__option_rows[option].name));
    }
}
END_TEST

START_TEST(options_that_cannot_be_set_stay_as_they_are)
{
    ask_badly("set top_pid=1",
              "error usage unknown option \"top_pid\"; the nearest option is top_pad\n");
    ask_badly("set zzzzzzzzz=1",
              "error usage unknown option \"zzzzzzzzz\"; get lists the options\n");
    ask_badly("get zzzzzzzzz", "error usage unknown option \"zzzzzzzzz\"; get lists the options\n");
    ask_badly("set top_pad=x",
              "error usage top_pad \"x\"; it takes a number with an optional k, m or g\n");
    ask_badly("set top_pad=",
              "error usage top_pad \"\"; it takes a number with an optional k, m or "
              "g\n");
    ask_badly("set top_pad=2g", "error usage top_pad \"2g\"; it is too large, the largest is 1g\n");
    ask_badly("set control=false",
              "error usage cannot change \"control\"; it counts only when the process starts, set "
              "it in BRKMALLOC then\n");
    ask_badly("set top_pad", "error usage set needs KEY=VALUE\n");
    ask_badly("set", "error usage set needs KEY=VALUE\n");
    ck_assert_uint_eq(brkm__option_get(OPTION_top_pad), BRKM_TOP_PAD_DEFAULT);
}
END_TEST

START_TEST(perturb_takes_effect_at_once)
{
    ask_well("set perturb=165");
    unsigned char *memory = brkm_malloc(100);
    ck_assert_uint_eq(memory[50], 165 ^ 0xff);
    brkm_free(memory);
}
END_TEST

START_TEST(a_trim_gives_memory_back)
{
    void *memory = brkm_malloc(BRKM_MIB / 8);
    memset(memory, 1, BRKM_MIB / 8);
    brkm_free(memory);
    size_t raised = fake_os_break_raised();
    const char *text = ask_well("trim");
    ck_assert_uint_gt(strtoul(text + strlen("released "), NULL, 10), 0);
    ck_assert_uint_lt(fake_os_break_raised(), raised);
    ck_assert_str_eq(ask_well("trim"), "released 0 bytes\n");
}
END_TEST

START_TEST(explanations)
{
    ck_assert_ptr_nonnull(brkm_malloc(100000));
    ck_assert_ptr_nonnull(strstr(ask_well("explain"), "brkmalloc: the memory of process "));
    ck_assert_int_eq(strncmp(ask_well("explain json"), "{\"version\":\"", 12), 0);
    ask_badly("explain xml",
              "error usage unknown format \"xml\"; the format is json, or none for text\n");
}
END_TEST

START_TEST(metrics)
{
    ck_assert_ptr_nonnull(brkm_malloc(100000));
    const char *text = ask_well("metrics");
    ck_assert_ptr_nonnull(strstr(text, "# TYPE brkmalloc_frees counter\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nbrkmalloc_blocks{place=\"heap\"} 1\n"));
    ck_assert_str_eq(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
    ask_badly("metrics all", "error usage unexpected \"all\"; this request stands alone\n");
}
END_TEST

START_TEST(profiles)
{
    ask_badly("profile", "error failed there is no heap profile yet; profile start begins one\n");
    ask_badly("profile start", "error usage no term \"\"; it takes 1 to 86400 seconds\n");
    ask_badly("profile start 5 0",
              "error usage no interval \"0\"; it takes bytes, 1 to 68719476736\n");
    ask_badly("profile start 5 68719476737",
              "error usage no interval \"68719476737\"; it takes bytes, 1 to 68719476736\n");
    ask_badly("profile start 18446744073709551617",
              "error usage no term \"18446744073709551617\"; it takes 1 to 86400 seconds\n");
    ask_badly("profile start 86401",
              "error usage no term \"86401\"; it takes 1 to 86400 seconds\n");
    ask_badly("profile begin", "error usage unknown order \"begin\"; it is start SECONDS "
                               "[INTERVAL] or stop, or none to take the "
                               "profile\n");
}
END_TEST

START_TEST(garbage_is_named)
{
    ask_badly("frobnicate now",
              "error usage unknown request \"frobnicate\"; the requests are "
              "version, stats, explain, metrics, profile, trim, get, set and snapshot\n");
    ask_badly("", "error usage unknown request \"\"; the requests are version, stats, "
                  "explain, metrics, profile, trim, get, set and snapshot\n");
    ask_badly("trim everything",
              "error usage unexpected \"everything\"; this request stands alone\n");
    ask_badly("version 2", "error usage unexpected \"2\"; this request stands alone\n");
    ask_badly("snapshot now",
              "error usage unknown detail \"now\"; it is blocks, or none for runs\n");
    ask_badly("st\033ats\x80", "error usage unknown request \"st?ats?\"; the requests are version, "
                               "stats, explain, metrics, profile, trim, get, set and snapshot\n");
}
END_TEST

/* Any bytes of any length: an answer that begins as one does. */
START_TEST(random_bytes_do_no_harm)
{
    static const char *const words[] = {"set ", "get ", "top_pad", "=", "stats", " ", "trim"};
    uint64_t random = 4711;
    char request[CONTROL_REQUEST_MAX];
    for (int round = 0; round < 3000; round++) {
        size_t length = 0;
        while (length < unit_random(&random) % sizeof(request)) {
            const char *word = words[unit_random(&random) % 7];
            size_t size = strlen(word);
            if (unit_random(&random) % 2 == 0 && size <= sizeof(request) - length) {
                memcpy(request + length, word, size);
                length += size;
            } else {
                request[length++] = (char)unit_random(&random);
            }
        }
        const char *text = ask_bytes(request, length);
        ck_assert(strncmp(text, "ok ", 3) == 0 || strncmp(text, "error usage ", 12) == 0);
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(no_memory_for_an_answer)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, false);
    ck_assert(!brkm__control_answer(&answer, "stats", 5));
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 2, false);
    ask_badly("snapshot", "error failed there is no memory for a snapshot\n");
}
END_TEST

START_TEST(a_refusal_says_why)
{
    static const char text[] = "error usage come again later\n";
    ck_assert(brkm__control_refuse(&answer, "come again later"));
    ck_assert_uint_eq(control_answer_length(&answer), strlen(text));
    ck_assert_int_eq(strncmp(control_answer_text(&answer), text, strlen(text)), 0);
    brkm__control_answer_free(&answer);
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, false);
    ck_assert(!brkm__control_refuse(&answer, "come again later"));
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
}
END_TEST

/* ---- Snapshot ---- */

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block =
        brkm__heap_allocate(&brkm__main_heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    memset(block_payload(block), 1, block_usable_size(block));
    return block;
}

START_TEST(a_map_shows_what_lies_where)
{
    struct mem_control_block *first = take(64);
    take(128);
    struct mem_control_block *hole = take(8 * PAGE);
    take(64);
    brkm__heap_free(&brkm__main_heap, hole, "free");
    struct heap_map *map = brkm__heap_map_make(HEAP_MAP_BY_RUNS);
    ck_assert_ptr_nonnull(map);
    ck_assert_uint_eq(map->regions_used, 1);
    const struct heap_map_region *region = &map->regions[0];
    ck_assert(region->is_break);
    ck_assert_uint_eq(region->start, (uintptr_t)first);
    ck_assert_uint_eq(region->runs, 5);
    static const enum run_kind kinds[] = {RUN_USED, RUN_FREE, RUN_USED, RUN_TOP, RUN_RESERVED};
    size_t sum = 0;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(map->runs[i].kind, kinds[i]);
        sum += map->runs[i].bytes;
    }
    ck_assert_uint_eq(map->runs[0].bytes, 64 + 128);
    ck_assert_uint_eq(map->runs[0].blocks, 2);
    ck_assert_uint_eq(map->runs[1].bytes, 8 * PAGE);
    ck_assert_uint_eq(region->largest_free, 8 * PAGE);
    ck_assert_uint_eq(sum, brkm__main_heap.top.end - region->start);
    brkm__heap_map_free(map);
    brkm__purge_all(&brkm__main_heap, false);
    map = brkm__heap_map_make(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->regions[0].runs, 7);
    ck_assert_uint_eq(map->runs[2].kind, RUN_PURGED);
    ck_assert_uint_ge(map->runs[2].bytes, 6 * PAGE);
    ck_assert_uint_eq(map->runs[1].bytes + map->runs[2].bytes + map->runs[3].bytes, 8 * PAGE);
    brkm__heap_map_free(map);
}
END_TEST

START_TEST(a_map_by_blocks_has_each_by_itself)
{
    take(64);
    take(128);
    struct heap_map *map = brkm__heap_map_make(HEAP_MAP_BY_BLOCKS);
    ck_assert_ptr_nonnull(map);
    ck_assert_uint_eq(map->regions[0].runs, 4);
    ck_assert_uint_eq(map->runs[0].bytes, 64);
    ck_assert_uint_eq(map->runs[1].bytes, 128);
    ck_assert_uint_eq(map->runs[1].kind, RUN_USED);
    ck_assert_uint_eq(map->runs[1].site, 0);
    brkm__heap_map_free(map);
    ck_assert(brkm__control_answer(&answer, "snapshot blocks", 15));
    ck_assert_ptr_nonnull(strstr(control_answer_text(&answer), "\"detail\":\"blocks\""));
    brkm__control_answer_free(&answer);
}
END_TEST

static size_t letters(const char *text, size_t length, char letter)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == letter;
    }
    return count;
}

START_TEST(a_map_of_more_runs_than_it_holds_has_true_sums)
{
    enum { blocks = 2 * HEAP_MAP_RUNS + 1000 };
    static struct mem_control_block *all[blocks];
    for (size_t i = 0; i < blocks; i++) {
        all[i] = brkm__heap_allocate(&brkm__main_heap, 32, HEAP_MAY_GROW, NULL);
        ck_assert_ptr_nonnull(all[i]);
    }
    for (size_t i = 0; i < blocks; i += 2) {
        brkm__heap_free(&brkm__main_heap, all[i], "free");
    }
    struct heap_map *map = brkm__heap_map_make(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->runs_used, HEAP_MAP_RUNS);
    /* In use and free in turn; and what else is in the heap. */
    ck_assert_uint_ge(map->runs_used + map->runs_left_out, blocks);
    ck_assert_uint_le(map->runs_used + map->runs_left_out, blocks + 2);
    ck_assert_uint_ge(map->regions[0].bytes[RUN_FREE], (size_t)blocks / 2 * 32);
    ck_assert_uint_eq(map->regions[0].runs, HEAP_MAP_RUNS);
    brkm__heap_map_free(map);
    ck_assert(brkm__control_answer(&answer, "snapshot", 8));
    ck_assert_uint_lt(control_answer_length(&answer), CONTROL_ANSWER_MAX / 2);
    ck_assert_int_eq(strncmp(control_answer_text(&answer), "ok ", 3), 0);
    /* One for each run, for the list of them, for those of the one region and of areas. */
    ck_assert_uint_eq(letters(control_answer_text(&answer), control_answer_length(&answer), ']'),
                      HEAP_MAP_RUNS + 3);
    brkm__control_answer_free(&answer);
    /* Where its memory cannot grow, only that is said. */
    fake_os_fail(FAKE_ONLY(FAKE_REMAP), 3, true);
    ask_badly("snapshot", "error failed there is no memory for the answer\n");
}
END_TEST

START_TEST(a_map_of_a_damaged_heap_ends_there)
{
    take(64);
    struct mem_control_block *block = take(64);
    take(64);
    memset(block, 0xee, BRKM_HEADER_SIZE);
    struct heap_map *map = brkm__heap_map_make(HEAP_MAP_BY_RUNS);
    ck_assert_uint_eq(map->regions[0].runs, 2);
    ck_assert_uint_eq(map->runs[1].kind, RUN_DAMAGED);
    brkm__heap_map_free(map);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("control");
    TCase *requests = unit_case(suite, "requests");
    tcase_add_test(requests, versions);
    tcase_add_test(requests, statistics);
    tcase_add_test(requests, options_are_shown_and_set);
    tcase_add_test(requests, options_that_cannot_be_set_stay_as_they_are);
    tcase_add_test(requests, perturb_takes_effect_at_once);
    tcase_add_test(requests, a_trim_gives_memory_back);
    tcase_add_test(requests, explanations);
    tcase_add_test(requests, metrics);
    tcase_add_test(requests, profiles);
    tcase_add_test(requests, garbage_is_named);
    tcase_add_test(requests, random_bytes_do_no_harm);
    tcase_add_test(requests, no_memory_for_an_answer);
    tcase_add_test(requests, a_refusal_says_why);
    TCase *maps = unit_case(suite, "maps");
    tcase_add_test(maps, a_map_shows_what_lies_where);
    tcase_add_test(maps, a_map_by_blocks_has_each_by_itself);
    tcase_add_test(maps, a_map_of_more_runs_than_it_holds_has_true_sums);
    tcase_add_test(maps, a_map_of_a_damaged_heap_ends_there);
    return suite;
}
