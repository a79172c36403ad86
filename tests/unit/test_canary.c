/* SPDX-License-Identifier: MIT
 * guard/canary.h: what was written is read, in tight blocks and with a trailer, and no other bytes
 * are.
 */
#include "guard/canary.h"

#include <string.h>

#include "unit.h"

#define ROOM_MAX ((size_t)1024)

static _Alignas(16) unsigned char memory[16 + ROOM_MAX + BRKM_HEADER_SIZE];
static unsigned char *const payload = memory + 16;

static void watch(unsigned char *start, size_t room, struct canary canary)
{
    block_create(block_from_payload(start), room + BRKM_HEADER_SIZE, canary_state(room, canary));
    brkm__canary_write(start, room, canary);
}

static struct canary read_back(size_t room)
{
    struct canary canary;
    ck_assert(brkm__canary_read(payload, room, &canary));
    return canary;
}

static void draw_secrets(void)
{
    brkm__block_draw_secret();
    brkm__canary_draw_secret();
}

/* All rooms that a block can have, with and without marks. */
START_TEST(request_and_marks_come_back)
{
    draw_secrets();
    for (size_t room = 24; room <= ROOM_MAX; room += 16) {
        for (size_t requested = 1; requested <= room; requested++) {
            bool has_place = requested + CANARY_TRAILER_SIZE <= room;
            unsigned marks = has_place ? (unsigned)(requested & CANARY_MARKS_ALL) : 0;
            unit_fill(payload, requested, (uint32_t)room);
            watch(payload, room, (struct canary){requested, marks});
            struct canary canary = read_back(room);
            ck_assert_uint_eq(canary.requested, requested);
            ck_assert_uint_eq(canary.marks, marks);
            ck_assert(unit_is_filled(payload, requested, (uint32_t)room));
        }
    }
}
END_TEST

START_TEST(every_changed_bit_behind_the_request_is_noticed)
{
    draw_secrets();
    for (size_t room = 24; room <= 88; room += 16) {
        for (size_t requested = 1; requested <= room; requested++) {
            watch(payload, room, (struct canary){.requested = requested});
            for (size_t bit = 8 * requested; bit < 8 * room; bit++) {
                struct canary canary;
                payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
                ck_assert(!brkm__canary_read(payload, room, &canary));
                payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
            }
            read_back(room);
        }
    }
}
END_TEST

/* What malloc writes into a new block in one go is what others write, and its image is as it is as
 * long as nothing behind the request changes. */
START_TEST(tight_blocks_are_written_the_same_way_twice)
{
    static _Alignas(16) unsigned char other[sizeof(memory)];
    draw_secrets();
    for (size_t room = 24; room <= 88; room += 16) {
        size_t least = room == 24 ? 1 : room - 15;
        for (size_t requested = least; requested <= room; requested++) {
            memset(memory, 0, sizeof(memory));
            watch(payload, room, (struct canary){.requested = requested});
            memcpy(other, memory, sizeof(memory));
            memset(payload, 0, room);
            struct canary_image image = canary_write_tight(payload, room, requested);
            ck_assert_mem_eq(memory, other, sizeof(memory));
            ck_assert(canary_is_as(&image));
            memset(payload, 'A', requested);
            ck_assert(canary_is_as(&image));
            for (size_t i = requested; i < room; i++) {
                payload[i] ^= 1;
                ck_assert(!canary_is_as(&image));
                payload[i] ^= 1;
            }
        }
    }
}
END_TEST

START_TEST(no_canary_byte_is_of_text)
{
    draw_secrets();
    static _Alignas(16) unsigned char many[16 * ROOM_MAX];
    for (size_t i = 16; i + 24 <= sizeof(many); i += 16) {
        watch(many + i, 24, (struct canary){10, (unsigned)(i / 16 % 2)});
        for (size_t j = 10; j <= 16; j++) {
            ck_assert_uint_ge(many[i + j], 0x80);
            ck_assert_uint_ne(many[i + j], 0xff);
        }
    }
}
END_TEST

START_TEST(a_trailer_means_nothing_elsewhere)
{
    static _Alignas(16) unsigned char other[16 + ROOM_MAX];
    struct canary canary;
    draw_secrets();
    watch(payload, 104, (struct canary){.requested = 70});
    ck_assert(brkm__canary_read(payload, 104, &canary));
    memcpy(other + 16, payload, ROOM_MAX);
    block_create(block_from_payload(other + 16), 112, BLOCK_WATCHED);
    ck_assert(!brkm__canary_read(other + 16, 104, &canary));
    ck_assert(!brkm__canary_read(payload, 88, &canary));
}
END_TEST

START_TEST(nothing_is_known_of_other_blocks)
{
    static const enum block_state states[] = {BLOCK_IN_USE, BLOCK_CACHED, BLOCK_FREE, BLOCK_GONE};
    struct canary canary;
    draw_secrets();
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        watch(payload, 104, (struct canary){.requested = 90});
        block_create(block_from_payload(payload), 112, states[i]);
        ck_assert(!brkm__canary_read(payload, 104, &canary));
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("canary");
    TCase *tests = unit_case(suite, "canaries");
    tcase_add_test(tests, request_and_marks_come_back);
    tcase_add_test(tests, every_changed_bit_behind_the_request_is_noticed);
    tcase_add_test(tests, tight_blocks_are_written_the_same_way_twice);
    tcase_add_test(tests, no_canary_byte_is_of_text);
    tcase_add_test(tests, a_trailer_means_nothing_elsewhere);
    tcase_add_test(tests, nothing_is_known_of_other_blocks);
    return suite;
}
