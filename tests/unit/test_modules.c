/* SPDX-License-Identifier: MIT
 * kit/proc_maps.h: addresses and the files that they lie in. */
#include "kit/proc_maps.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* A file's header in memory, as the loader maps it, and what the tests call mapped behind it. */
static struct {
    Elf64_Ehdr header;
    char behind[0x7000];
} file;

static char maps[4096];

static void use_maps(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void use_maps(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(maps, sizeof(maps), format, arguments);
    va_end(arguments);
    fake_os.file_path = "/proc/self/maps";
    fake_os.file_text = maps;
}

static const char *place(uintptr_t address, enum modules_path path)
{
    static struct line line;
    line.length = 0;
    return brkm__modules_add_place(&line, (const void *)address, path) ? brkm__line_text(&line)
                                                                       : NULL;
}

static void use_header(unsigned type)
{
    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_type = (Elf64_Half)type;
}

START_TEST(offsets_count_from_the_first_piece_of_a_file)
{
    use_header(ET_DYN);
    uintptr_t base = (uintptr_t)&file;
    use_maps("%lx-%lx r--p 00000000 08:01 17                         /usr/lib/one.so\n"
             "%lx-%lx r-xp 00001000 08:01 17                         /usr/lib/one.so\n"
             "%lx-%lx rw-p 00000000 00:00 0 \n"
             "%lx-%lx r-xp 00000000 08:01 18                         /a/two with blanks (deleted)\n"
             "%lx-%lx r-xp 00000000 00:00 0                          [vdso]\n",
             base, base + 0x1000, base + 0x1000, base + 0x3000, base + 0x3000, base + 0x4000,
             base + 0x5000, base + 0x6000, base + 0x6000, base + 0x7000);
    ck_assert_str_eq(place(base, MODULES_FULL_PATH), "/usr/lib/one.so+0x0");
    ck_assert_str_eq(place(base + 0xfff, MODULES_FULL_PATH), "/usr/lib/one.so+0xfff");
    ck_assert_str_eq(place(base + 0x2abc, MODULES_FULL_PATH), "/usr/lib/one.so+0x2abc");
    ck_assert_str_eq(place(base + 0x2abc, MODULES_LAST_NAME), "one.so+0x2abc");
    ck_assert_ptr_null(place(base + 0x3000, MODULES_FULL_PATH));
    ck_assert_ptr_null(place(base + 0x4800, MODULES_FULL_PATH));
    ck_assert_ptr_null(place(0, MODULES_FULL_PATH));
    ck_assert_str_eq(place(base + 0x6008, MODULES_FULL_PATH), "[vdso]+0x8");
}
END_TEST

START_TEST(a_program_at_a_fixed_address_has_its_addresses_as_offsets)
{
    use_header(ET_EXEC);
    uintptr_t base = (uintptr_t)&file;
    use_maps(
        "%lx-%lx r--p 00000000 08:01 17 /bin/fixed\n%lx-%lx r-xp 00001000 08:01 17 /bin/fixed\n",
        base, base + 0x1000, base + 0x1000, base + 0x3000);
    char expected[64];
    snprintf(expected, sizeof(expected), "/bin/fixed+0x%lx", base + 0x1004);
    ck_assert_str_eq(place(base + 0x1004, MODULES_FULL_PATH), expected);
}
END_TEST

START_TEST(a_header_that_may_not_be_read_is_left_alone)
{
    use_maps("1000-2000 ---p 00000000 08:01 17 /bin/unreadable\n");
    ck_assert_str_eq(place(0x1004, MODULES_FULL_PATH), "/bin/unreadable+0x4");
    use_maps("1000-2000 r--p 00003000 08:01 17 /bin/part\n");
    ck_assert_str_eq(place(0x1004, MODULES_FULL_PATH), "/bin/part+0x4");
}
END_TEST

START_TEST(of_a_long_path_the_end_is_shown)
{
    char path[1001];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    memcpy(path + 400, "/name", 6);
    use_maps("1000-2000 ---p 00000000 08:01 17 %s\n3000-4000 ---p 00000000 08:01 17 /b\n", path);
    const char *shown = place(0x1004, MODULES_FULL_PATH);
    ck_assert_uint_eq(strlen(shown), 3 + 160 + 4);
    ck_assert_int_eq(memcmp(shown, "...xxx", 6), 0);
    ck_assert_str_eq(shown + 3 + 160 - 5, "/name+0x4");
    ck_assert_str_eq(place(0x1004, MODULES_LAST_NAME), "name+0x4");
    memset(path + 400, 'x', 6);
    path[900] = '\0';
    use_maps("1000-2000 ---p 00000000 08:01 17 %s\n3000-4000 ---p 00000000 08:01 17 /b\n", path);
    ck_assert_ptr_nonnull(place(0x1004, MODULES_FULL_PATH));
    ck_assert_str_eq(place(0x3000, MODULES_FULL_PATH), "/b+0x0");
}
END_TEST

START_TEST(nonsense_is_no_place)
{
    static const char *const texts[] = {
        "", "\n", "-\n", "x\n\n-1000", "1000\n", "1000-2000\n", "ffffffffffffffffffffffff-0 r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        use_maps("%s", texts[i]);
        ck_assert_ptr_null(place(0x1004, MODULES_FULL_PATH));
    }
    fake_os.file_path = NULL;
    ck_assert_ptr_null(place(0x1004, MODULES_FULL_PATH));
}
END_TEST

START_TEST(without_proc_the_loader_names_the_file)
{
    uintptr_t base = (uintptr_t)&file;
    fake_os.file_path = NULL;
    fake_os.object =
        (struct os_object){.start = base, .end = base + sizeof(file), .name = "/usr/lib/loaded.so"};
    ck_assert_str_eq(place(base + 0x123, MODULES_FULL_PATH), "/usr/lib/loaded.so+0x123");
    ck_assert_str_eq(place(base + 0x123, MODULES_LAST_NAME), "loaded.so+0x123");
    ck_assert_str_eq(place(base + 0x123, MODULES_FILE_ALONE), "/usr/lib/loaded.so");
    ck_assert_ptr_null(place(base + sizeof(file), MODULES_FULL_PATH));
    fake_os.object.is_program = true;
    fake_os.program = "/bin/program";
    ck_assert_str_eq(place(base + 0x123, MODULES_FULL_PATH), "/bin/program+0x123");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("modules");
    TCase *tests = unit_case(suite, "modules");
    tcase_add_test(tests, offsets_count_from_the_first_piece_of_a_file);
    tcase_add_test(tests, a_program_at_a_fixed_address_has_its_addresses_as_offsets);
    tcase_add_test(tests, a_header_that_may_not_be_read_is_left_alone);
    tcase_add_test(tests, of_a_long_path_the_end_is_shown);
    tcase_add_test(tests, nonsense_is_no_place);
    tcase_add_test(tests, without_proc_the_loader_names_the_file);
    return suite;
}
