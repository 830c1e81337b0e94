// SPDX-License-Identifier: Apache-2.0
#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/xva/ova_xml.hpp"

namespace formats::xva {
namespace {

using Document = Handle<xmlDoc, xmlFreeDoc>;

constexpr int max_depth = 64;

std::string name_of(const xmlNode* node) {
    return reinterpret_cast<const char*>(node->name);
}

std::vector<const xmlNode*> children(const xmlNode* node) {
    std::vector<const xmlNode*> found;
    for (const xmlNode* child = node->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE) found.push_back(child);
    return found;
}

std::string content(const xmlNode* node) {
    std::string text;
    for (const xmlNode* child = node->children; child; child = child->next)
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
            text += reinterpret_cast<const char*>(child->content);
    return text;
}

// <value>, whatever type tag stands in it: the inner node, or itself for a bare string.
const xmlNode* inner(const xmlNode* value) {
    const auto inside = children(value);
    return inside.empty() ? value : inside.front();
}

std::map<std::string, const xmlNode*> members(const xmlNode* value, const std::string& where) {
    const xmlNode* node = inner(value);
    if (name_of(node) != "struct") throw CorruptImage("xva: ova.xml: " + where + " is not a struct");
    std::map<std::string, const xmlNode*> found;
    for (const xmlNode* member : children(node)) {
        const auto parts = children(member);
        if (parts.size() != 2 || name_of(parts[0]) != "name" || name_of(parts[1]) != "value")
            throw CorruptImage("xva: ova.xml: a member of " + where + " is not <name/><value/>");
        found[content(parts[0])] = parts[1];
    }
    return found;
}

std::string text_of(const std::map<std::string, const xmlNode*>& record, const std::string& name,
                    const std::string& otherwise = "") {
    const auto found = record.find(name);
    return found == record.end() ? otherwise : content(inner(found->second));
}

std::uint64_t number_of(const std::map<std::string, const xmlNode*>& record, const std::string& name,
                        const std::string& where) {
    const std::string text = text_of(record, name);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw CorruptImage("xva: ova.xml: " + where + "." + name + " is \"" + text + "\", not a number");
    return value;
}

void check_tree(const xmlNode* node, int depth) {
    if (depth > max_depth) throw RefusedImage("xva: ova.xml nests deeper than " + std::to_string(max_depth));
    for (const xmlNode* child = node->children; child; child = child->next) {
        if (child->type == XML_ENTITY_REF_NODE) throw RefusedImage("xva: ova.xml refers to an entity");
        if (child->type == XML_ELEMENT_NODE) check_tree(child, depth + 1);
    }
}

Document parse(std::string_view xml) {
    Document document(xmlReadMemory(xml.data(), static_cast<int>(xml.size()), "ova.xml", nullptr,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
    if (!document) throw CorruptImage("xva: ova.xml is not well-formed XML");
    if (document->intSubset || document->extSubset) throw RefusedImage("xva: ova.xml has a document type declaration");
    check_tree(xmlDocGetRootElement(document.get()), 0);
    return document;
}

struct Object {
    std::string kind, id;
    std::map<std::string, const xmlNode*> record;
};

Hardware hardware_of(const Object& vm) {
    Hardware hardware;
    hardware.name = text_of(vm.record, "name_label");
    hardware.description = text_of(vm.record, "name_description");
    hardware.vcpus = static_cast<std::uint32_t>(number_of(vm.record, "VCPUs_max", "VM"));
    hardware.memory_bytes = number_of(vm.record, "memory_static_max", "VM");
    hardware.is_template = text_of(vm.record, "is_a_template") == "1";
    const std::string policy = text_of(vm.record, "HVM_boot_policy");
    const std::string domain = text_of(vm.record, "domain_type", policy.empty() ? "pv" : "hvm");
    hardware.mode = domain == "pv" ? Mode::pv : domain.starts_with("pv") ? Mode::pvh : Mode::pvhvm;
    hardware.pv_args = text_of(vm.record, "PV_args");
    if (const auto boot = vm.record.find("HVM_boot_params"); boot != vm.record.end())
        if (text_of(members(boot->second, "HVM_boot_params"), "firmware") == "uefi") hardware.firmware = Firmware::uefi;
    if (const auto platform = vm.record.find("platform"); platform != vm.record.end())
        hardware.secure_boot = text_of(members(platform->second, "platform"), "secureboot") == "true";
    return hardware;
}

}  // namespace

OvaContent read_ova_xml(std::string_view xml) {
    const Document document = parse(xml);
    const xmlNode* root = xmlDocGetRootElement(document.get());
    if (name_of(root) != "value") throw CorruptImage("xva: ova.xml: the root is not <value>");
    const auto top = members(root, "the root");
    if (!top.contains("version") || !top.contains("objects"))
        throw CorruptImage("xva: ova.xml lacks version or objects");

    OvaContent result;
    result.export_version = static_cast<int>(number_of(members(top.at("version"), "version"), "export_vsn", "version"));
    std::vector<Object> objects;
    const auto data = children(inner(top.at("objects")));
    if (name_of(inner(top.at("objects"))) != "array" || data.size() != 1)
        throw CorruptImage("xva: ova.xml: objects is not an array");
    for (const xmlNode* value : children(data.front())) {
        auto object = members(value, "an object");
        if (!object.contains("snapshot")) throw CorruptImage("xva: ova.xml: object without snapshot");
        objects.push_back({text_of(object, "class"), text_of(object, "id"),
                           members(object.at("snapshot"), text_of(object, "class"))});
    }

    result.hardware.network_interfaces = 0;
    std::vector<std::string> drives, isos;
    for (const Object& object : objects) {
        if (object.kind == "VBD" && text_of(object.record, "type") != "CD")
            drives.push_back(text_of(object.record, "VDI"));
        if (object.kind == "SR" && text_of(object.record, "content_type") == "iso") isos.push_back(object.id);
    }
    const auto contains = [](const std::vector<std::string>& in, const std::string& what) {
        return std::find(in.begin(), in.end(), what) != in.end();
    };
    std::uint32_t interfaces = 0;
    for (const Object& object : objects) {
        if (object.kind == "VM") result.hardware = hardware_of(object);
        if (object.kind == "VIF") ++interfaces;
        if (object.kind != "VDI" || contains(isos, text_of(object.record, "SR"))) continue;
        if (contains(drives, object.id) || text_of(object.record, "type") == "suspend")
            result.disks.push_back({object.id, number_of(object.record, "virtual_size", object.id)});
    }
    result.hardware.network_interfaces = interfaces;
    // xapi streams disks in the byte order of their ids: "Ref:10" before "Ref:9".
    std::sort(result.disks.begin(), result.disks.end(),
              [](const DiskRecord& a, const DiskRecord& b) { return a.reference < b.reference; });
    return result;
}

}  // namespace formats::xva
