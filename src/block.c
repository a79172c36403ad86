/* SPDX-License-Identifier: MIT
 * Layer 4: the secret behind the seals. */
#include "block.h"

#include "os.h"

uint32_t brkm__block_secret;

void brkm__block_draw_secret(void)
{
    if (brkm__block_secret != 0) {
        return;
    }
    /* A header lies at 8 mod 16; the nibble that remains in the guard is chosen here. */
    uint32_t nibble = (BLOCK_SECRET_NIBBLE - 8) & 15;
    brkm__block_secret = ((uint32_t)brkm__os_entropy() & ~(uint32_t)15) | nibble;
}
