// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/line.h"

#include "base/cleanup.h"

static void print_head(struct lamina_text *text, const struct lamina_line *line)
{
	struct tm utc;

	gmtime_r(&line->time.tv_sec, &utc);
	lamina_text_print(text, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\",\"container\":",
			  utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
			  utc.tm_sec, line->time.tv_nsec / 1000);
	if (*line->label)
		lamina_text_json(text, line->label);
	else
		lamina_text_print(text, "null");
	lamina_text_print(text, ",\"mount\":");
	lamina_text_json(text, line->mount);
	if (line->dropped)
		lamina_text_print(text, ",\"dropped\":%llu", (unsigned long long)line->dropped);
}

static void print_process(struct lamina_text *text, const struct lamina_line *line)
{
	lamina_text_print(text, ",\"pid\":%d,\"comm\":", line->pid);
	lamina_text_json(text, line->comm);
	lamina_text_print(text, ",\"exe\":");
	lamina_text_json(text, line->exe);
}

static const char *verdict_word(unsigned int verdict)
{
	switch (lamina_verdict_action(verdict)) {
	case LAMINA_ACTION_LOG:
		return "logged";
	case LAMINA_ACTION_DRY:
		return "would be refused";
	case LAMINA_ACTION_HIDE:
		return "hidden";
	default:
		return "refused";
	}
}

static void print_rule(struct lamina_text *text, const struct lamina_line *line)
{
	_cleanup_text_ struct lamina_text place = {0};
	struct lamina_compiled_rule rule;

	if (!line->compiled) {
		lamina_text_print(text, ",\"rule\":null");
		return;
	}
	lamina_compiled_rule(line->compiled, lamina_verdict_rule(line->verdict), &rule);
	lamina_text_print(&place, "%s:%u", rule.file, rule.line);
	lamina_text_print(text, ",\"rule\":");
	lamina_text_json(text, place.bytes ? place.bytes : "");
	text->broken |= place.broken;
}

void lamina_line_print(struct lamina_text *text, const struct lamina_line *line)
{
	const char *number = lamina_policy_errno_name(lamina_verdict_errno(line->verdict));

	print_head(text, line);
	print_process(text, line);
	lamina_text_print(text, ",\"path\":");
	lamina_text_json(text, line->path);
	lamina_text_print(text, ",\"access\":\"%s\",\"verdict\":\"%s\"",
			  lamina_access_name(line->access), verdict_word(line->verdict));
	if (number)
		lamina_text_print(text, ",\"errno\":\"%s\"", number);
	print_rule(text, line);
	lamina_text_print(text, "}\n");
}
