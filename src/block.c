/* SPDX-License-Identifier: MIT
 * Layer 4: the secret behind the seals. */
#include "block.h"

#include "os.h"

uint32_t brkm__block_secret;

void brkm__block_draw_secret(void)
{
    if (relaxed_load(brkm__block_secret) != 0) {
        return;
    }
    relaxed_store(brkm__block_secret,
                  ((uint32_t)brkm__os_entropy() & ~(uint32_t)15) | BLOCK_SECRET_NIBBLE);
}
