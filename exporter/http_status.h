/* SPDX-License-Identifier: MIT
 *
 * The statuses that the exporter answers with. */
#ifndef BRKM_EXPORTER_HTTP_STATUS_H
#define BRKM_EXPORTER_HTTP_STATUS_H

enum http_status {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_WRONG_METHOD = 405,
    HTTP_NOT_BUILT = 501,  /* no program reads profiles here */
    HTTP_BAD_ANSWER = 502, /* the process could not do it */
    HTTP_BUSY = 503,
    HTTP_TIMED_OUT = 504, /* the process gave no answer */
};

/* "404 Not Found" */
const char *http_status_line(int status);

#endif
