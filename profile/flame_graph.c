/* SPDX-License-Identifier: MIT
 * The flame graph, as an SVG document that reads well without its script too. See views.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "call_tree.h"
#include "flame_graph_parts.h"
#include "memory.h"
#include "views.h"

/* Pixels. The script knows the same numbers from the document. */
#define WIDTH 1200.0
#define MARGIN 10.0
#define HEADING_HEIGHT 86.0
#define ROW_HEIGHT 18.0
#define TEXT_BASELINE 13.0
#define TEXT_INSET 4.0
#define CHARACTER_WIDTH 7.25
#define CHARACTERS_MIN 3

/* What would be narrower is left out: at one tenth of a pixel there is nothing to be seen or hit.
 */
#define VISIBLE_WIDTH_MIN 0.1

struct drawing {
    struct text *text;
    const struct profile *profile;
    const struct call_tree *tree;
    enum profile_value value;
    uint64_t total;
};

static void add_escaped(struct text *text, const char *string)
{
    for (; *string != '\0'; string++) {
        switch (*string) {
        case '&':
            text_add(text, "&amp;");
            break;
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '"':
            text_add(text, "&quot;");
            break;
        default:
            text_add_character(text, *string);
        }
    }
}

/* ---- Colours ---- */

#define SHADE_COUNT 6
#define SHADE_STEP 5

struct colour {
    int red, green, blue;
};

static const struct colour colour_of_program = {245, 163, 74};
static const struct colour colour_of_unknown = {190, 190, 190};
static const struct colour colours_of_libraries[] = {
    {127, 190, 120}, {126, 178, 221}, {190, 160, 220}, {110, 190, 185},
    {226, 148, 160}, {196, 186, 104}, {160, 170, 205},
};

static uint32_t mix(const char *string)
{
    uint32_t hash = 0x811c9dc5u;
    for (; *string != '\0'; string++) {
        hash = (hash ^ (unsigned char)*string) * 0x01000193u;
    }
    return hash ^ hash >> 16;
}

/* The file gives the colour, the function its shade: neighbours can be told apart. */
static struct colour colour_of(const struct drawing *drawing, const struct call_node *node)
{
    const struct profile *profile = drawing->profile;
    uint32_t object =
        node->depth == 0 ? PROFILE_NO_OBJECT : profile->functions[node->function].object;
    struct colour colour = colour_of_unknown;
    if (object != PROFILE_NO_OBJECT && profile->objects[object].path == profile->program) {
        colour = colour_of_program;
    } else if (object != PROFILE_NO_OBJECT) {
        size_t count = sizeof(colours_of_libraries) / sizeof(colours_of_libraries[0]);
        const char *library = profile_name(profile, profile->objects[object].base_name);
        colour = colours_of_libraries[mix(library) % count];
    }
    uint32_t name = mix(name_table_get(&drawing->tree->keys, node->key));
    int shade = (int)(name % SHADE_COUNT) * SHADE_STEP;
    return (struct colour){colour.red - shade, colour.green - shade, colour.blue - shade};
}

/* ---- Frames ---- */

static double share_of(const struct drawing *drawing, uint64_t amount)
{
    return (double)amount / (double)drawing->total;
}

static const char *label_of(const struct drawing *drawing, const struct call_node *node)
{
    const struct profile *profile = drawing->profile;
    if (node->depth == 0) {
        const char *program = base_name_of(profile_name(profile, profile->program));
        return program[0] == '\0' ? "all" : program;
    }
    return profile_name(profile, profile->functions[node->function].name);
}

/* What a pointer on the frame tells: the script takes the label from the first line. */
static void add_tooltip(const struct drawing *drawing, const struct call_node *node)
{
    const struct profile *profile = drawing->profile;
    struct text *text = drawing->text;
    char amount[NUMBER_SIZE];
    char part[NUMBER_SIZE];
    text_add(text, "<title>");
    add_escaped(text, label_of(drawing, node));
    text_format(text, "\n%s%s, %s",
                number_of(amount, node->amount, profile_value_is_bytes(drawing->value)),
                profile_value_is_bytes(drawing->value) ? "" : " blocks",
                number_of_part(part, node->amount, drawing->total));
    if (node->depth > 0) {
        const struct profile_function *function = &profile->functions[node->function];
        const char *file = profile_name(profile, function->file);
        if (file[0] != '\0') {
            text_add(text, "\n");
            add_escaped(text, file);
        }
        if (function->object != PROFILE_NO_OBJECT) {
            text_add(text, "\n");
            add_escaped(text, profile_name(profile, profile->objects[function->object].path));
        }
    }
    text_add(text, "</title>");
}

/* As many characters of the label as fit; a byte that continues a character does not count. */
static void add_label(const struct drawing *drawing, const char *label, double width)
{
    double room = (width - TEXT_INSET) / CHARACTER_WIDTH;
    size_t fitting = room < CHARACTERS_MIN ? 0 : (size_t)room;
    size_t characters = 0;
    for (const char *byte = label; *byte != '\0'; byte++) {
        characters += ((unsigned char)*byte & 0xc0) != 0x80;
    }
    if (fitting == 0) {
        return;
    }
    struct text shown = {.bytes = NULL};
    text_clear(&shown);
    size_t taken = 0;
    size_t limit = characters <= fitting ? characters : fitting - 1;
    for (const char *byte = label; *byte != '\0'; byte++) {
        taken += ((unsigned char)*byte & 0xc0) != 0x80;
        if (taken > limit) {
            text_add(&shown, "\u2026");
            break;
        }
        text_add_character(&shown, *byte);
    }
    add_escaped(drawing->text, shown.bytes);
    text_free(&shown);
}

static void add_frame(const struct drawing *drawing, const struct call_node *node, double start)
{
    double share = share_of(drawing, node->amount);
    double x = MARGIN + start * (WIDTH - 2 * MARGIN);
    double y = HEADING_HEIGHT + (double)node->depth * ROW_HEIGHT;
    double width = share * (WIDTH - 2 * MARGIN);
    struct colour colour = colour_of(drawing, node);
    text_format(drawing->text, "<g class=\"frame\" data-start=\"%.7f\" data-share=\"%.7f\">", start,
                share);
    add_tooltip(drawing, node);
    text_format(drawing->text,
                "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%.0f\" rx=\"2\" "
                "fill=\"#%02x%02x%02x\"/><text x=\"%.2f\" y=\"%.0f\">",
                x, y, width, ROW_HEIGHT - 1, (unsigned)colour.red, (unsigned)colour.green,
                (unsigned)colour.blue, x + TEXT_INSET, y + TEXT_BASELINE);
    add_label(drawing, label_of(drawing, node), width);
    text_add(drawing->text, "</text></g>\n");
}

static bool is_visible(const struct drawing *drawing, const struct call_node *node)
{
    return share_of(drawing, node->amount) * WIDTH >= VISIBLE_WIDTH_MIN;
}

static uint32_t depth_of(const struct drawing *drawing)
{
    uint32_t depth = 0;
    for (size_t i = 0; i < drawing->tree->count; i++) {
        const struct call_node *node = &drawing->tree->nodes[i];
        if (is_visible(drawing, node) && node->depth > depth) {
            depth = node->depth;
        }
    }
    return depth;
}

/* A node begins where its last sibling ended, or its parent begins: `starts` has that by depth. */
static void add_frames(const struct drawing *drawing)
{
    uint32_t depth_limit = 2;
    for (size_t i = 0; i < drawing->tree->count; i++) {
        uint32_t depth = drawing->tree->nodes[i].depth;
        depth_limit = depth + 2 > depth_limit ? depth + 2 : depth_limit;
    }
    double *starts = memory_zeroed(depth_limit, sizeof(*starts));
    for (size_t i = 0; i < drawing->tree->count; i++) {
        const struct call_node *node = &drawing->tree->nodes[i];
        double start = starts[node->depth];
        starts[node->depth + 1] = start;
        starts[node->depth] = start + share_of(drawing, node->amount);
        if (is_visible(drawing, node)) {
            add_frame(drawing, node, start);
        }
    }
    free(starts);
}

/* ---- The document ---- */

static void add_heading(const struct drawing *drawing)
{
    struct text heading = {.bytes = NULL};
    view_add_heading(&heading, drawing->profile, drawing->value);
    char *second = strchr(heading.bytes, '\n');
    *second++ = '\0';
    second[strcspn(second, "\n")] = '\0';
    text_format(drawing->text, "<text class=\"heading\" x=\"%.0f\" y=\"26\">", MARGIN);
    add_escaped(drawing->text, heading.bytes);
    text_format(drawing->text, "</text>\n<text class=\"subheading\" x=\"%.0f\" y=\"48\">", MARGIN);
    add_escaped(drawing->text, second);
    text_format(drawing->text, "</text>\n<text id=\"details\" x=\"%.0f\" y=\"72\"></text>\n",
                MARGIN);
    text_free(&heading);
}

void view_add_flame_graph(struct text *text, const struct profile *profile,
                          enum profile_value value)
{
    struct call_tree tree;
    call_tree_make(&tree, profile, value);
    call_tree_sort(&tree);
    struct drawing drawing = {text, profile, &tree, value, tree.nodes[0].amount};
    bool is_empty = drawing.total == 0;
    double height = HEADING_HEIGHT + MARGIN + ROW_HEIGHT;
    if (!is_empty) {
        height += (double)depth_of(&drawing) * ROW_HEIGHT;
    }
    text_format(text,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "viewBox=\"0 0 %.0f %.0f\" data-margin=\"%.0f\" data-inset=\"%.0f\" "
                "data-character=\"%.2f\">\n<title>Heap profile</title>\n<style>\n",
                WIDTH, height, WIDTH, height, MARGIN, TEXT_INSET, CHARACTER_WIDTH);
    text_add(text, flame_graph_style);
    text_add(text, "</style>\n<rect id=\"background\" width=\"100%\" height=\"100%\"/>\n");
    add_heading(&drawing);
    if (is_empty) {
        text_format(text, "<text x=\"%.0f\" y=\"%.0f\">There is nothing to show.</text>\n", MARGIN,
                    HEADING_HEIGHT + TEXT_BASELINE);
    } else {
        add_frames(&drawing);
    }
    text_add(text, "<script><![CDATA[\n");
    text_add(text, flame_graph_script);
    text_add(text, "]]></script>\n</svg>\n");
    call_tree_free(&tree);
}
