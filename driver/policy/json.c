// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tokener of JSON. No locks: a reader belongs to the thread that uses it.
 */
#include "policy/json.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void lamina_json_init(struct lamina_json *json, const char *file, const char *text, size_t size,
		      struct lamina_error *error)
{
	json->file = file;
	json->text = text;
	json->size = size;
	json->error = error;
	json->at = 0;
	json->line = 1;
	json->column = 1;
	json->string[0] = '\0';
	json->length = 0;
}

const char *lamina_json_type_name(enum lamina_json_type type)
{
	static const char *const names[] = {
		[LAMINA_JSON_OBJECT] = "an object", [LAMINA_JSON_OBJECT_END] = "'}'",
		[LAMINA_JSON_ARRAY] = "an array",   [LAMINA_JSON_ARRAY_END] = "']'",
		[LAMINA_JSON_COLON] = "':'",	    [LAMINA_JSON_COMMA] = "','",
		[LAMINA_JSON_STRING] = "a string",  [LAMINA_JSON_NUMBER] = "a number",
		[LAMINA_JSON_TRUE] = "true",	    [LAMINA_JSON_FALSE] = "false",
		[LAMINA_JSON_NULL] = "null",	    [LAMINA_JSON_END] = "the end of the file",
	};

	return names[type];
}

errint_t lamina_json_error(const struct lamina_json *json, const struct lamina_json_token *token,
			   const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return lamina_error_say(json->error, -EINVAL, "%s:%u:%u: %s", json->file, token->line,
				token->column, text);
}

/* An error at the place where the reader stands. */
static errint_t error_here(const struct lamina_json *json, const char *what)
{
	const struct lamina_json_token here = {.line = json->line, .column = json->column};

	return lamina_json_error(json, &here, "%s", what);
}

/* The byte at which the reader stands, or -1 at the end. */
static int peek(const struct lamina_json *json)
{
	return json->at < json->size ? (unsigned char)json->text[json->at] : -1;
}

/* Go over one byte. Bytes that go on with a character are not columns. */
static void advance(struct lamina_json *json)
{
	unsigned char byte = (unsigned char)json->text[json->at++];

	if (byte == '\n') {
		json->line++;
		json->column = 1;
	} else if ((byte & 0xc0) != 0x80) {
		json->column++;
	}
}

static void skip_space(struct lamina_json *json)
{
	int byte;

	while ((byte = peek(json)) == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
		advance(json);
}

static errint_t append(struct lamina_json *json, const char *bytes, size_t n)
{
	if (json->length + n > LAMINA_POLICY_MAX_STRING)
		return error_here(json, "this string is longer than 4096 bytes");
	memcpy(json->string + json->length, bytes, n);
	json->length += n;
	return 0;
}

static errint_t append_code(struct lamina_json *json, unsigned int code)
{
	char bytes[4];
	size_t n = 0;

	if (code < 0x80) {
		bytes[n++] = (char)code;
	} else if (code < 0x800) {
		bytes[n++] = (char)(0xc0 | code >> 6);
		bytes[n++] = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		bytes[n++] = (char)(0xe0 | code >> 12);
		bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (code & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | code >> 18);
		bytes[n++] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (code & 0x3f));
	}
	return append(json, bytes, n);
}

/* The four digits after "\u". */
static errint_t read_hex(struct lamina_json *json, unsigned int *ret)
{
	unsigned int code = 0;

	for (int i = 0; i < 4; i++) {
		int byte = peek(json);

		if (byte >= '0' && byte <= '9')
			code = code << 4 | (unsigned int)(byte - '0');
		else if (byte >= 'a' && byte <= 'f')
			code = code << 4 | (unsigned int)(byte - 'a' + 10);
		else if (byte >= 'A' && byte <= 'F')
			code = code << 4 | (unsigned int)(byte - 'A' + 10);
		else
			return error_here(json, "\\u needs four hexadecimal digits");
		advance(json);
	}
	*ret = code;
	return 0;
}

/* What follows "\u": one character, which may take a second "\u". */
static errint_t read_unicode(struct lamina_json *json)
{
	unsigned int code, low;
	errint_t err = read_hex(json, &code);

	if (err < 0)
		return err;
	if (code == 0)
		return error_here(json, "a string cannot hold the character \\u0000");
	if (code < 0xd800 || code > 0xdfff)
		return append_code(json, code);
	if (code > 0xdbff || peek(json) != '\\')
		return error_here(json, "half of a surrogate pair");
	advance(json);
	if (peek(json) != 'u')
		return error_here(json, "half of a surrogate pair");
	advance(json);
	err = read_hex(json, &low);
	if (err < 0)
		return err;
	if (low < 0xdc00 || low > 0xdfff)
		return error_here(json, "half of a surrogate pair");
	return append_code(json, 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00)));
}

static errint_t read_escape(struct lamina_json *json)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int byte;

	advance(json); /* the backslash */
	byte = peek(json);
	if (byte == 'u') {
		advance(json);
		return read_unicode(json);
	}
	found = byte > 0 ? strchr(from, byte) : NULL;
	if (!found)
		return error_here(json, "unknown escape in a string");
	advance(json);
	return append(json, &to[found - from], 1);
}

static errint_t read_plain(struct lamina_json *json)
{
	const char *start = json->text + json->at;
	int byte = peek(json);
	size_t n = 1;
	errint_t err;

	if (byte < 0)
		return error_here(json, "the file ends within a string");
	if (byte < 0x20)
		return error_here(json, "a control character in a string must be escaped");
	if (byte >= 0x80)
		n = lamina_text_character(start, json->size - json->at);
	if (n == 0)
		return error_here(json, "a string must be valid UTF-8");
	err = append(json, start, n);
	for (size_t i = 0; err == 0 && i < n; i++)
		advance(json);
	return err;
}

static errint_t read_string(struct lamina_json *json)
{
	errint_t err = 0;

	json->length = 0;
	advance(json); /* the opening quote */
	while (err == 0 && peek(json) != '"')
		err = peek(json) == '\\' ? read_escape(json) : read_plain(json);
	if (err < 0)
		return err;
	advance(json);
	json->string[json->length] = '\0';
	return LAMINA_JSON_STRING;
}

static bool skip_digits(struct lamina_json *json)
{
	size_t before = json->at;

	while (peek(json) >= '0' && peek(json) <= '9')
		advance(json);
	return json->at > before;
}

/* A number; no key takes one, so its value is not needed, only where it ends. */
static errint_t read_number(struct lamina_json *json)
{
	bool valid;

	if (peek(json) == '-')
		advance(json);
	if (peek(json) == '0') {
		advance(json);
		valid = true;
	} else {
		valid = skip_digits(json);
	}
	if (valid && peek(json) == '.') {
		advance(json);
		valid = skip_digits(json);
	}
	if (valid && (peek(json) == 'e' || peek(json) == 'E')) {
		advance(json);
		if (peek(json) == '+' || peek(json) == '-')
			advance(json);
		valid = skip_digits(json);
	}
	return valid ? LAMINA_JSON_NUMBER : error_here(json, "this is not a number");
}

static errint_t read_word(struct lamina_json *json)
{
	static const struct {
		const char *word;
		enum lamina_json_type type;
	} words[] = {
		{"true", LAMINA_JSON_TRUE},
		{"false", LAMINA_JSON_FALSE},
		{"null", LAMINA_JSON_NULL},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);

		if (json->size - json->at < n ||
		    memcmp(json->text + json->at, words[i].word, n) != 0)
			continue;
		while (n-- > 0)
			advance(json);
		return (errint_t)words[i].type;
	}
	return error_here(json, "this is not JSON: a key, a value or a bracket should stand here");
}

errint_t lamina_json_next(struct lamina_json *json, struct lamina_json_token *ret)
{
	static const char marks[] = "{}[]:,"; /* in the order of their types */
	struct lamina_json_token token;
	const char *mark;
	errint_t type;
	int byte;

	skip_space(json);
	byte = peek(json);
	token.line = json->line;
	token.column = json->column;
	mark = byte > 0 ? strchr(marks, byte) : NULL;
	if (byte < 0) {
		type = LAMINA_JSON_END;
	} else if (mark) {
		advance(json);
		type = (errint_t)(mark - marks);
	} else if (byte == '"') {
		type = read_string(json);
	} else if (byte == '-' || (byte >= '0' && byte <= '9')) {
		type = read_number(json);
	} else {
		type = read_word(json);
	}
	if (type < 0)
		return type;
	token.type = (enum lamina_json_type)type;
	*ret = token;
	return 0;
}
