/* SPDX-License-Identifier: MIT
 * See function_name.h. */
#include "function_name.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* What gcc and clang append to the name of a function of which they made several. */
static const char *const suffixes[] = {
    ".cold", ".constprop.", ".isra.", ".llvm.", ".localalias", ".lto_priv.", ".part.", ".warm",
};

static void cut_suffixes(char *name)
{
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char *found = strstr(name + 1, suffixes[i]);
        if (found != NULL) {
            *found = '\0';
        }
    }
    char *version = strchr(name + 1, '@');
    if (version != NULL) {
        *version = '\0';
    }
}

void function_name_add(struct text *text, const char *linkage_name)
{
    if (linkage_name[0] == '\0') {
        return;
    }
    char *name = memory_copy_text(linkage_name);
    cut_suffixes(name);
    char *demangled = cplus_demangle(name, DMGL_ANSI | DMGL_AUTO);
    text_add_clean(text, demangled != NULL ? demangled : name);
    free(demangled);
    free(name);
}
