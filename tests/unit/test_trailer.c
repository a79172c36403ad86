/* SPDX-License-Identifier: MIT
 * trailer.h: what was written is read, and no other bytes are. */
#include "trailer.h"

#include <string.h>

#include "unit.h"

#define ROOM_MAX ((size_t)1024)

static _Alignas(16) unsigned char payload[ROOM_MAX];

static struct trailer read_back(size_t room)
{
    struct trailer trailer;
    ck_assert(brkm__trailer_read(payload, room, &trailer));
    return trailer;
}

START_TEST(request_and_marks_come_back)
{
    brkm__trailer_draw_secret();
    for (size_t room = 24; room <= ROOM_MAX; room += 8) {
        for (size_t requested = 0; requested <= room - TRAILER_SIZE; requested++) {
            unit_fill(payload, requested, (uint32_t)room);
            unsigned marks = (unsigned)(requested & TRAILER_MARKS_ALL);
            brkm__trailer_write(payload, room, (struct trailer){requested, marks});
            struct trailer trailer = read_back(room);
            ck_assert_uint_eq(trailer.requested, requested);
            ck_assert_uint_eq(trailer.marks, marks);
            ck_assert(unit_is_filled(payload, requested, (uint32_t)room));
        }
    }
}
END_TEST

START_TEST(every_changed_bit_behind_the_request_is_noticed)
{
    brkm__trailer_draw_secret();
    for (size_t room = 24; room <= 88; room += 16) {
        for (size_t requested = 0; requested <= room - TRAILER_SIZE; requested++) {
            brkm__trailer_write(payload, room, (struct trailer){.requested = requested});
            for (size_t bit = 8 * requested; bit < 8 * room; bit++) {
                struct trailer trailer;
                payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
                ck_assert(!brkm__trailer_read(payload, room, &trailer));
                payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
            }
            read_back(room);
        }
    }
}
END_TEST

START_TEST(no_canary_byte_is_of_text)
{
    brkm__trailer_draw_secret();
    static _Alignas(16) unsigned char many[16 * ROOM_MAX];
    for (size_t i = 0; i + 24 <= sizeof(many); i += 16) {
        brkm__trailer_write(many + i, 24, (struct trailer){.requested = 10});
        for (size_t j = 10; j <= 16; j++) {
            ck_assert_uint_ge(many[i + j], 0x80);
        }
    }
}
END_TEST

START_TEST(a_trailer_means_nothing_elsewhere)
{
    static _Alignas(16) unsigned char other[ROOM_MAX];
    struct trailer trailer;
    brkm__trailer_draw_secret();
    brkm__trailer_write(payload, 104, (struct trailer){.requested = 90});
    memcpy(other, payload, ROOM_MAX);
    ck_assert(!brkm__trailer_read(other, 104, &trailer));
    ck_assert(!brkm__trailer_read(payload, 88, &trailer));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("trailer");
    TCase *trailers = unit_case(suite, "trailers");
    tcase_add_test(trailers, request_and_marks_come_back);
    tcase_add_test(trailers, every_changed_bit_behind_the_request_is_noticed);
    tcase_add_test(trailers, no_canary_byte_is_of_text);
    tcase_add_test(trailers, a_trailer_means_nothing_elsewhere);
    return suite;
}
