/* SPDX-License-Identifier: MIT
 *
 * A server in miniature that leaks: it keeps a cache of sessions, and forgets to free the name of
 * each session that it drops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { sessions = 100, requests = 20000 };

struct session {
    char *name;
    char *buffer;
};

static struct session cache[sessions];

/* Not static, so that the linker's option -rdynamic makes their names known. */
char *make_name(int request);
char *make_buffer(void);
void serve(int request);

char *make_name(int request)
{
    char *name = malloc(64);
    if (name != NULL) {
        snprintf(name, 64, "session %d", request);
    }
    return name;
}

char *make_buffer(void)
{
    char *buffer = malloc(4096);
    if (buffer != NULL) {
        memset(buffer, 0, 4096);
    }
    return buffer;
}

static void drop(struct session *session)
{
    /* free(session->name) is missing. */
    free(session->buffer);
    session->name = session->buffer = NULL;
}

void serve(int request)
{
    struct session *session = &cache[request % sessions];
    drop(session);
    session->name = make_name(request);
    session->buffer = make_buffer();
}

int main(void)
{
    for (int request = 0; request < requests; request++) {
        serve(request);
    }
    for (int i = 0; i < sessions; i++) {
        drop(&cache[i]);
    }
    printf("%d requests served\n", requests);
    return 0;
}
