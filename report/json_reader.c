/* SPDX-License-Identifier: MIT
 * See json_reader.h. */
#include "json_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Arrays and objects within each other that json_skip follows. */
#define DEPTH_MAX 64

bool json_wrong(struct json *json, const char *format, ...)
{
    if (json->failed) {
        return false;
    }
    va_list arguments;
    va_start(arguments, format);
    json->failed = true;
    json->problem->offset = json->at;
    vsnprintf(json->problem->text, sizeof(json->problem->text), format, arguments);
    va_end(arguments);
    return false;
}

/* The next character that is no blank; 0 at the end. */
static char look(struct json *json)
{
    while (json->at < json->length && strchr(" \t\r\n", json->bytes[json->at]) != NULL &&
           json->bytes[json->at] != '\0') {
        json->at++;
    }
    return json->failed || json->at == json->length ? '\0' : (char)json->bytes[json->at];
}

static bool expected(struct json *json, const char *what)
{
    return json->at == json->length ? json_wrong(json, "the file ends where %s is missing", what)
                                    : json_wrong(json, "%s is missing here", what);
}

bool json_take(struct json *json, char wanted)
{
    char what[] = {'\'', wanted, '\'', '\0'};
    if (look(json) != wanted) {
        return expected(json, what);
    }
    json->at++;
    return true;
}

bool json_next(struct json *json, char closing, bool *is_first)
{
    if (look(json) == closing) {
        json->at++;
        return false;
    }
    bool more = *is_first || json_take(json, ',');
    *is_first = false;
    return more && !json->failed;
}

bool json_string(struct json *json, char *string, size_t size)
{
    size_t kept = 0;
    if (!json_take(json, '"')) {
        return false;
    }
    while (json->at < json->length && json->bytes[json->at] != '"') {
        unsigned char byte = json->bytes[json->at];
        if (byte == '\\' || byte < ' ') {
            return json_wrong(json, "this string has what no snapshot has in one");
        }
        if (kept + 1 < size) {
            string[kept++] = (char)byte;
        }
        json->at++;
    }
    string[kept] = '\0';
    return json_take(json, '"');
}

bool json_name(struct json *json, char *name, size_t size)
{
    return json_string(json, name, size) && json_take(json, ':');
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

bool json_number(struct json *json, uint64_t *number)
{
    *number = 0;
    if (!is_digit(look(json))) {
        return expected(json, "a number");
    }
    uint64_t start = json->at;
    for (; json->at < json->length && is_digit((char)json->bytes[json->at]); json->at++) {
        uint64_t digit = json->bytes[json->at] - (uint64_t)'0';
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, digit, number)) {
            json->at = start;
            return json_wrong(json, "this number has more than 64 bits");
        }
    }
    return true;
}

/* A number with sign, point or exponent, or true, false or null. */
static bool skip_word(struct json *json)
{
    uint64_t start = json->at;
    while (json->at < json->length && json->bytes[json->at] != '\0' &&
           strchr("+-.0123456789Eaeflnrstu", json->bytes[json->at]) != NULL) {
        json->at++;
    }
    return json->at > start || expected(json, "a value");
}

static bool skip_value(struct json *json, unsigned depth)
{
    char string[1];
    char opening = look(json);
    if (opening == '"') {
        return json_string(json, string, sizeof(string));
    }
    if (opening != '{' && opening != '[') {
        return skip_word(json);
    }
    if (depth == DEPTH_MAX) {
        return json_wrong(json, "more than %d values within each other", DEPTH_MAX);
    }
    json->at++;
    for (bool first = true; json_next(json, opening == '{' ? '}' : ']', &first);) {
        if ((opening == '{' && !json_name(json, string, sizeof(string))) ||
            !skip_value(json, depth + 1)) {
            return false;
        }
    }
    return !json->failed;
}

bool json_skip(struct json *json)
{
    return skip_value(json, 0);
}

bool json_end(struct json *json)
{
    look(json);
    return json->failed ? false
                        : json->at == json->length || json_wrong(json, "more than one value");
}
