// SPDX-License-Identifier: Apache-2.0
#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/ova/ova.hpp"

namespace formats::ova {
namespace {

using Document = Handle<xmlDoc, xmlFreeDoc>;
constexpr int max_depth = 64;
constexpr std::size_t max_disks = 64;
enum Resource { processors = 3, memory = 4, network_card = 10 };

const char* text_of(const xmlChar* text) {
    return text ? reinterpret_cast<const char*>(text) : "";
}
bool is(const xmlNode* node, const char* name) {
    return node->type == XML_ELEMENT_NODE && std::string_view(text_of(node->name)) == name;
}

// Attributes by their local name: their prefix depends on the writer.
std::string attribute(const xmlNode* node, std::string_view name) {
    for (const xmlAttr* one = node->properties; one; one = one->next)
        if (text_of(one->name) == name && one->children && one->children->type == XML_TEXT_NODE)
            return text_of(one->children->content);
    return "";
}

std::string content(const xmlNode* node) {
    std::string text;
    for (const xmlNode* child = node->children; child; child = child->next)
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) text += text_of(child->content);
    const std::size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string child_text(const xmlNode* node, const char* name) {
    for (const xmlNode* child = node->children; child; child = child->next)
        if (is(child, name)) return content(child);
    return "";
}

template <class Function>
void each(const xmlNode* node, const char* name, const Function& function) {
    for (const xmlNode* child = node->children; child; child = child->next)
        if (is(child, name)) function(child);
}

std::uint64_t number(const std::string& text, const std::string& what, std::uint64_t most) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > most)
        throw CorruptImage("ova: ovf: " + what + " is \"" + text + "\", not a number up to " + std::to_string(most));
    return value;
}

// "byte * 2^20", "MegaBytes", "MB": what one unit of memory has.
std::uint64_t unit_of(const std::string& units) {
    for (const auto& [word, size] : {std::pair<const char*, unsigned>{"2^40", 40},
                                     {"2^30", 30},
                                     {"2^20", 20},
                                     {"2^10", 10},
                                     {"GigaBytes", 30},
                                     {"MegaBytes", 20},
                                     {"KiloBytes", 10},
                                     {"GB", 30},
                                     {"MB", 20},
                                     {"KB", 10}})
        if (units.find(word) != std::string::npos) return std::uint64_t{1} << size;
    return 1;
}

void check_tree(const xmlNode* node, int depth) {
    if (depth > max_depth) throw RefusedImage("ova: ovf nests deeper than " + std::to_string(max_depth));
    for (const xmlNode* child = node->children; child; child = child->next) {
        if (child->type == XML_ENTITY_REF_NODE) throw RefusedImage("ova: ovf refers to an entity");
        if (child->type == XML_ELEMENT_NODE) check_tree(child, depth + 1);
    }
}

Document parse(std::string_view xml) {
    Document document(xmlReadMemory(xml.data(), static_cast<int>(xml.size()), "ovf", nullptr,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
    if (!document) throw CorruptImage("ova: the ovf is not well-formed XML");
    if (document->intSubset || document->extSubset) throw RefusedImage("ova: the ovf has a document type declaration");
    check_tree(xmlDocGetRootElement(document.get()), 0);
    return document;
}

void read_hardware(const xmlNode* system, Hardware& hardware) {
    hardware.network_interfaces = 0;
    hardware.name = child_text(system, "Name");
    if (hardware.name.empty()) hardware.name = attribute(system, "id");
    each(system, "VirtualHardwareSection", [&](const xmlNode* section) {
        each(section, "Item", [&](const xmlNode* item) {
            const std::uint64_t type = number(child_text(item, "ResourceType"), "ResourceType", UINT16_MAX);
            const std::string quantity = child_text(item, "VirtualQuantity");
            if (type == processors)
                hardware.vcpus = static_cast<std::uint32_t>(number(quantity, "VirtualQuantity of processors", 4096));
            if (type == memory)
                hardware.memory_bytes =
                    checked_multiply(number(quantity, "VirtualQuantity of memory", std::uint64_t{1} << 40),
                                     unit_of(child_text(item, "AllocationUnits")), "ova: ovf: memory");
            if (type == network_card && hardware.network_interfaces < 16) ++hardware.network_interfaces;
        });
        each(section, "Config", [&](const xmlNode* config) {
            if (attribute(config, "key") == "firmware" && attribute(config, "value") == "efi")
                hardware.firmware = Firmware::uefi;
        });
    });
}

}  // namespace

OvfContent read_ovf(std::string_view xml) {
    const Document document = parse(xml);
    const xmlNode* root = xmlDocGetRootElement(document.get());
    if (!is(root, "Envelope")) throw CorruptImage("ova: ovf: the root is not <Envelope>");
    std::map<std::string, std::string> files;
    each(root, "References", [&](const xmlNode* references) {
        each(references, "File", [&](const xmlNode* file) {
            const std::string href = attribute(file, "href");
            if (href.empty() || href.find_first_of("/\\:") != std::string::npos)
                throw RefusedImage("ova: ovf: File href \"" + href + "\" is not a name inside the archive");
            if (!attribute(file, "compression").empty())
                throw RefusedImage("ova: ovf: File \"" + href + "\" is compressed, which is not read");
            if (!attribute(file, "chunkSize").empty())
                throw RefusedImage("ova: ovf: File \"" + href + "\" is split into chunks, which is not read");
            if (!files.emplace(attribute(file, "id"), href).second)
                throw CorruptImage("ova: ovf: File id \"" + attribute(file, "id") + "\" is there twice");
        });
    });
    OvfContent result;
    each(root, "DiskSection", [&](const xmlNode* section) {
        each(section, "Disk", [&](const xmlNode* disk) {
            const std::string id = attribute(disk, "diskId"), reference = attribute(disk, "fileRef");
            if (!attribute(disk, "parentRef").empty())
                throw RefusedImage("ova: ovf: Disk \"" + id + "\" has a parentRef: a disk with a parent is not taken");
            if (!reference.empty() && !files.contains(reference))
                throw CorruptImage("ova: ovf: Disk \"" + id + "\" refers to File \"" + reference +
                                   "\", which is not there");
            result.disks.push_back({id, reference.empty() ? "" : files.at(reference)});
            if (result.disks.size() > max_disks)
                throw RefusedImage("ova: ovf: more than " + std::to_string(max_disks) + " disks");
        });
    });
    std::size_t systems = 0;
    each(root, "VirtualSystem", [&](const xmlNode* system) {
        ++systems;
        read_hardware(system, result.hardware);
    });
    if (systems != 1)
        throw RefusedImage("ova: ovf: " + std::to_string(systems) + " VirtualSystems; exactly one is read");
    return result;
}

}  // namespace formats::ova
