/* SPDX-License-Identifier: MIT
 * See secret.h. A pseudo-random function, SipHash-2-4 (Aumasson and Bernstein, 2012): the key is
 * the kernel's random bytes, the message is the purpose and everything else. */
#include "kit/secret.h"

#include "system/os.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(struct sip *sip)
{
    sip->v0 += sip->v1;
    sip->v2 += sip->v3;
    sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
    sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 = rotate(sip->v0, 32) + sip->v3;
    sip->v2 += sip->v1;
    sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
    sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
    sip->v2 = rotate(sip->v2, 32);
}

/* "somepseudorandomlygeneratedbytes", as the authors have it. */
static struct sip sip_begin(uint64_t key0, uint64_t key1)
{
    return (struct sip){key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
                        key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u};
}

static void sip_add(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_round(sip);
    sip_round(sip);
    sip->v0 ^= word;
}

static uint64_t sip_end(struct sip *sip, size_t words)
{
    sip_add(sip, (uint64_t)words * sizeof(uint64_t) << 56);
    sip->v2 ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(sip);
    }
    return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

uint64_t brkm__secret(enum secret purpose, uint64_t which)
{
    struct os_entropy entropy;
    brkm__os_entropy(&entropy);
    struct sip sip =
        sip_begin(entropy.at_start[0] ^ entropy.drawn[0], entropy.at_start[1] ^ entropy.drawn[1]);
    /* Where one of the two is known, or they are the same, the other still counts. */
    sip_add(&sip, entropy.drawn[0]);
    sip_add(&sip, entropy.drawn[1]);
    for (size_t i = 0; i < OS_ENTROPY_MORE; i++) {
        sip_add(&sip, entropy.more[i]);
    }
    sip_add(&sip, purpose);
    sip_add(&sip, which);
    return sip_end(&sip, 2 + OS_ENTROPY_MORE + 2);
}
