#pragma once
#include <libxml/xmlversion.h>

// Debian's libxml2 converts with ICU, and its headers would bring ICU's, which collide with those
// inside Foundation. Nothing that we use depends on them.
#undef LIBXML_ICU_ENABLED

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <libxml/xpath.h>

// xmlFree is a global variable in C, not a function.
static inline void conveyor_xml_free(void *memory) { xmlFree(memory); }

// Says nothing: what is wrong with a page of the web is no news.
static inline void conveyor_xml_silent(void *context, const char *message, ...) {
  (void)context;
  (void)message;
}
static inline void conveyor_xml_silent_error(void *context, xmlErrorPtr error) {
  (void)context;
  (void)error;
}
static inline void conveyor_xml_silence(void) {
  xmlSetGenericErrorFunc(NULL, conveyor_xml_silent);
}
static inline void conveyor_xpath_silence(xmlXPathContextPtr context) {
  context->error = conveyor_xml_silent_error;
}

// A page while it is read, with its limits. libxml2 has none for HTML, but for a depth of 256 that real
// pages exceed; it reports each element before it makes one, which is the place to count.
enum conveyor_page_excess {
  conveyor_page_fits = 0,
  conveyor_page_nodes,
  conveyor_page_depth,
  conveyor_page_work,
};
typedef struct {
  long maximum_nodes;
  int maximum_depth;
  // Bytes of text times the elements around them: what XPath copies to compare the text of each.
  double maximum_work;
  long nodes;
  double work;
  int excess;
} conveyor_page;

static inline int conveyor_page_stop(htmlParserCtxtPtr parser, int excess) {
  ((conveyor_page *)parser->_private)->excess = excess;
  xmlStopParser(parser);
  return 0;
}
static inline int conveyor_page_add(htmlParserCtxtPtr parser, long nodes) {
  conveyor_page *page = parser->_private;
  page->nodes += nodes;
  if (page->nodes > page->maximum_nodes) return conveyor_page_stop(parser, conveyor_page_nodes);
  if (parser->nodeNr > page->maximum_depth) return conveyor_page_stop(parser, conveyor_page_depth);
  return page->excess == conveyor_page_fits;
}
static inline void conveyor_page_element(void *context, const xmlChar *name,
                                         const xmlChar **attributes) {
  long nodes = 1;
  for (int i = 0; attributes && attributes[i]; i += 2) nodes++;
  if (conveyor_page_add(context, nodes)) xmlSAX2StartElement(context, name, attributes);
}
static inline void conveyor_page_comment(void *context, const xmlChar *text) {
  if (conveyor_page_add(context, 1)) xmlSAX2Comment(context, text);
}
static inline void conveyor_page_instruction(void *context, const xmlChar *target,
                                             const xmlChar *data) {
  if (conveyor_page_add(context, 1)) xmlSAX2ProcessingInstruction(context, target, data);
}
static inline int conveyor_page_text(htmlParserCtxtPtr parser, int length) {
  conveyor_page *page = parser->_private;
  page->work += (double)length * parser->nodeNr;
  if (page->work > page->maximum_work) return conveyor_page_stop(parser, conveyor_page_work);
  return page->excess == conveyor_page_fits;
}
static inline void conveyor_page_characters(void *context, const xmlChar *text, int length) {
  if (conveyor_page_text(context, length)) xmlSAX2Characters(context, text, length);
}
static inline void conveyor_page_blanks(void *context, const xmlChar *text, int length) {
  if (conveyor_page_text(context, length)) xmlSAX2IgnorableWhitespace(context, text, length);
}
static inline void conveyor_page_raw_text(void *context, const xmlChar *text, int length) {
  if (conveyor_page_text(context, length)) xmlSAX2CDataBlock(context, text, length);
}

// Reads a page in UTF-8 from a callback that returns 0 at the end. The caller frees the document.
static inline htmlDocPtr conveyor_page_read(xmlInputReadCallback read, void *context,
                                            conveyor_page *page) {
  htmlParserCtxtPtr parser = htmlNewParserCtxt();
  if (!parser) return NULL;
  parser->_private = page;
  parser->sax->startElement = conveyor_page_element;
  parser->sax->comment = conveyor_page_comment;
  parser->sax->processingInstruction = conveyor_page_instruction;
  parser->sax->characters = conveyor_page_characters;
  parser->sax->ignorableWhitespace = conveyor_page_blanks;
  parser->sax->cdataBlock = conveyor_page_raw_text;
  // htmlCtxtUseOptions leaves bits alone that it does not know; this one lifts the limits on depth and
  // on the length of a text.
  parser->options |= XML_PARSE_HUGE;
  htmlDocPtr document =
      htmlCtxtReadIO(parser, read, NULL, context, NULL, "UTF-8",
                     HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                         HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
  htmlFreeParserCtxt(parser);
  return document;
}
