/* SPDX-License-Identifier: MIT
 *
 * Text functions of libc that hand out memory: it comes from the program's malloc, and the
 * program's free takes it.
 */
#include <iconv.h>
#include <locale.h>
#include <malloc.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wordexp.h>

#include "../support/check_eq.h"
#include "../support/door.h"

/* The size of a block that another allocator handed out is refused. */
static void release(void *memory, size_t at_least)
{
    CHECK_NOT_NULL(memory);
    CHECK_GE_UINT(malloc_usable_size(memory), at_least);
    free(memory);
}

static void copies(void)
{
    char *text = NULL;
    release(strdup("duplicate"), 10);
    release(strndup("duplicate", 3), 4);
    release(wcsdup(L"wide"), 5 * sizeof(wchar_t));
    CHECK_EQ_INT(asprintf(&text, "%0900d", 7), 900);
    release(text, 901);
    text = malloc(5);
    strcpy(text, "grow");
    text = realloc(text, 5000);
    CHECK_EQ_STR(text, "grow");
    release(text, 5000);
}

static void streams(void)
{
    char *text = NULL;
    wchar_t *wide = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    for (int i = 0; i < 20000; i++)
        CHECK_GE_INT(fprintf(stream, "%d ", i), 2);
    CHECK_EQ_INT(fclose(stream), 0);
    CHECK_EQ_UINT(length, strlen(text));
    release(text, length + 1);
    stream = open_wmemstream(&wide, &length);
    CHECK_EQ_INT(fwprintf(stream, L"%ls", L"wide"), 4);
    CHECK_EQ_INT(fclose(stream), 0);
    release(wide, (length + 1) * sizeof(wchar_t));
}

static void lines(void)
{
    FILE *stream = tmpfile();
    char *line = malloc(1);
    size_t room = 1;
    CHECK_NOT_NULL(stream);
    for (int i = 1; i <= 2000; i += 37)
        fprintf(stream, "%0*d\n", i, 1);
    rewind(stream);
    for (int i = 1; i <= 2000; i += 37)
        CHECK_EQ_INT(getline(&line, &room, stream), i + 1);
    release(line, room);
    rewind(stream);
    line = NULL;
    room = 0;
    CHECK_GE_INT(getdelim(&line, &room, '1', stream), 1);
    release(line, room);
    fclose(stream);
}

static void patterns(void)
{
    wordexp_t words;
    regex_t expression;
    regmatch_t match[3];
    CHECK_EQ_INT(regcomp(&expression, "([a-z]+)[0-9]*([a-z]+)", REG_EXTENDED), 0);
    for (int i = 0; i < 200; i++)
        CHECK_EQ_INT(regexec(&expression, "   abc123def  ", 3, match, 0), 0);
    CHECK_EQ_INT(match[1].rm_so, 3);
    regfree(&expression);
    CHECK_EQ_INT(wordexp("one 'two words' $((1+2))", &words, 0), 0);
    CHECK_EQ_UINT(words.we_wordc, 3);
    CHECK_EQ_STR(words.we_wordv[1], "two words");
    wordfree(&words);
}

static int compare(const void *left, const void *right)
{
    int a = *(const int *)left;
    int b = *(const int *)right;
    return (a > b) - (a < b);
}

/* qsort takes a temporary array from malloc when there is room. */
static void sorting(void)
{
    enum { count = 300000 };
    int *numbers = malloc(count * sizeof *numbers);
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (int)(i * 2654435761u >> 4);
    qsort(numbers, count, sizeof *numbers, compare);
    for (int i = 1; i < count; i++)
        CHECK_TRUE(numbers[i - 1] <= numbers[i]);
    release(numbers, count * sizeof *numbers);
}

static void languages(void)
{
    locale_t other = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    for (int i = 0; i < 50; i++) {
        CHECK_NOT_NULL(setlocale(LC_ALL, "C.UTF-8"));
        CHECK_NOT_NULL(setlocale(LC_ALL, "C"));
    }
    CHECK_NOT_NULL(other);
    freelocale(duplocale(other));
    freelocale(other);
    for (int i = 0; i < 50; i++) {
        char in[] = "text";
        char out[64];
        char *from = in;
        char *to = out;
        size_t in_left = 4;
        size_t out_left = sizeof out;
        iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
        CHECK_NE_PTR(converter, (iconv_t)-1);
        CHECK_EQ_UINT(iconv(converter, &from, &in_left, &to, &out_left), 0);
        CHECK_EQ_UINT(out_left, sizeof out - 8);
        iconv_close(converter);
    }
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int round = 0; round < 10; round++) {
        copies();
        streams();
        lines();
        patterns();
        sorting();
        languages();
    }
    return door_done();
}
