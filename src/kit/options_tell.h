/* SPDX-License-Identifier: MIT
 * What a process says of its options when it starts. */
#ifndef BRKMALLOC_KIT_OPTIONS_TELL_H
#define BRKMALLOC_KIT_OPTIONS_TELL_H

/* To standard error, once the constructor has set all options: which ones have no effect without
 * another that is off; with the option confirm the settings in force; with help every option. */
void brkm__options_tell(void);

#endif
