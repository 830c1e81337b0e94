// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <stdexcept>

#include "formats/xva/ova_xml.hpp"

namespace formats::xva {
namespace {

// One XML-RPC value as text. Strings stand bare in <value>, as xapi writes them.
struct Value {
    std::string xml;
};

void append_escaped(std::string& xml, const std::string& text) {
    for (const char c : text) {
        switch (c) {
            case '&':
                xml += "&amp;";
                break;
            case '<':
                xml += "&lt;";
                break;
            case '>':
                xml += "&gt;";
                break;
            case '"':
                xml += "&quot;";
                break;
            case '\'':
                xml += "&apos;";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
                    throw std::invalid_argument("xva: ova.xml cannot carry control character " +
                                                std::to_string(int{c}));
                xml += c;
        }
    }
}

Value text(const std::string& value) {
    Value result{"<value>"};
    append_escaped(result.xml, value);
    result.xml += "</value>";
    return result;
}
Value number(std::uint64_t value) {
    return text(std::to_string(value));
}
Value boolean(bool value) {
    return {std::string("<value><boolean>") + (value ? "1" : "0") + "</boolean></value>"};
}
Value real(int value) {
    return {"<value><double>" + std::to_string(value) + "</double></value>"};
}
Value date_time(const std::string& value) {
    return {"<value><dateTime.iso8601>" + value + "</dateTime.iso8601></value>"};
}
Value array(const std::vector<Value>& values = {}) {
    std::string xml = "<value><array><data>";
    for (const Value& value : values) xml += value.xml;
    return {xml + "</data></array></value>"};
}
using Members = std::vector<std::pair<const char*, Value>>;
Value structure(const Members& members = {}) {
    std::string xml = "<value><struct>";
    for (const auto& [name, value] : members)
        xml += std::string("<member><name>") + name + "</name>" + value.xml + "</member>";
    return {xml + "</struct></value>"};
}
Value object(const char* kind, const std::string& id, const Members& members) {
    return structure({{"class", text(kind)}, {"id", text(id)}, {"snapshot", structure(members)}});
}

const std::string null = "OpaqueRef:NULL";
const std::string vm_reference = "Ref:0001";
const std::string sr_reference = "Ref:0002";
const std::string network_reference = "Ref:0003";

std::string numbered(std::size_t base, std::size_t index) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "Ref:%04zu", base + index);
    return buffer.data();
}
std::string drive_reference(std::size_t index) {
    return numbered(2000, index);
}
std::string interface_reference(std::size_t index) {
    return numbered(3000, index);
}

// hvm is the toolstack's word for HVM and PVHVM alike; PVH guests are started by xl, not by xapi's
// older generations, so their XVA says hvm too when it has a firmware, which a disk of ours has.
bool is_pv(const Hardware& hardware) {
    return hardware.mode == Mode::pv;
}

Value platform(const Hardware& hardware) {
    if (is_pv(hardware)) return structure();
    Members members{
        {"timeoffset", text("0")},
        {"device-model", text(hardware.firmware == Firmware::uefi ? "qemu-upstream-uefi" : "qemu-upstream-compat")},
        {"acpi", text("1")},
        {"apic", text("true")},
        {"pae", text("true")},
        {"nx", text("true")},
        {"hpet", text("true")},
        {"viridian", text("false")}};
    if (hardware.firmware == Firmware::uefi)
        members.emplace_back("secureboot", text(hardware.secure_boot ? "true" : "false"));
    return structure(members);
}

Value boot_parameters(const Hardware& hardware) {
    if (is_pv(hardware)) return structure();
    return structure(
        {{"order", text("cd")}, {"firmware", text(hardware.firmware == Firmware::uefi ? "uefi" : "bios")}});
}

Value vm_object(const Hardware& hardware, std::size_t disks) {
    const bool pv = is_pv(hardware);
    std::vector<Value> drives, interfaces;
    for (std::size_t i = 0; i < disks; ++i) drives.push_back(text(drive_reference(i)));
    for (std::size_t i = 0; i < hardware.network_interfaces; ++i) interfaces.push_back(text(interface_reference(i)));
    const Value memory = number(hardware.memory_bytes);
    return object("VM", vm_reference,
                  {{"uuid", text("")},
                   {"allowed_operations", array()},
                   {"current_operations", structure()},
                   {"name_label", text(hardware.name)},
                   {"name_description", text(hardware.description)},
                   {"power_state", text("Halted")},
                   {"user_version", number(1)},
                   {"is_a_template", boolean(hardware.is_template)},
                   {"is_default_template", boolean(false)},
                   {"suspend_VDI", text(null)},
                   {"resident_on", text(null)},
                   {"scheduled_to_be_resident_on", text(null)},
                   {"affinity", text(null)},
                   {"memory_overhead", number(0)},
                   {"memory_target", number(0)},
                   {"memory_static_max", memory},
                   {"memory_dynamic_max", memory},
                   {"memory_dynamic_min", memory},
                   {"memory_static_min", memory},
                   {"VCPUs_params", structure()},
                   {"VCPUs_max", number(hardware.vcpus)},
                   {"VCPUs_at_startup", number(hardware.vcpus)},
                   {"actions_after_shutdown", text("destroy")},
                   {"actions_after_reboot", text("restart")},
                   {"actions_after_crash", text("restart")},
                   {"consoles", array()},
                   {"VIFs", array(interfaces)},
                   {"VBDs", array(drives)},
                   {"VUSBs", array()},
                   {"crash_dumps", array()},
                   {"VTPMs", array()},
                   {"PV_bootloader", text(pv ? "pygrub" : "")},
                   {"PV_kernel", text("")},
                   {"PV_ramdisk", text("")},
                   {"PV_args", text(pv ? hardware.pv_args : "")},
                   {"PV_bootloader_args", text("")},
                   {"PV_legacy_args", text("")},
                   {"HVM_boot_policy", text(pv ? "" : "BIOS order")},
                   {"HVM_boot_params", boot_parameters(hardware)},
                   {"HVM_shadow_multiplier", real(1)},
                   {"platform", platform(hardware)},
                   {"PCI_bus", text("")},
                   {"other_config", structure({{"base_template_name", text("Other install media")},
                                               {"install-methods", text("cdrom")}})},
                   {"domid", text("-1")},
                   {"domarch", text("")},
                   {"last_boot_CPU_flags", structure()},
                   {"is_control_domain", boolean(false)},
                   {"metrics", text(null)},
                   {"guest_metrics", text(null)},
                   {"last_booted_record", text("")},
                   {"recommendations", text("")},
                   {"xenstore_data", structure()},
                   {"ha_always_run", boolean(false)},
                   {"ha_restart_priority", text("")},
                   {"is_a_snapshot", boolean(false)},
                   {"snapshot_of", text(null)},
                   {"snapshots", array()},
                   {"snapshot_time", date_time("19700101T00:00:00Z")},
                   {"transportable_snapshot_id", text("")},
                   {"blobs", structure()},
                   {"tags", array()},
                   {"blocked_operations", structure()},
                   {"snapshot_info", structure()},
                   {"snapshot_metadata", text("")},
                   {"parent", text(null)},  // absent would mean "older than ballooning"
                   {"children", array()},
                   {"bios_strings", structure()},
                   {"protection_policy", text(null)},
                   {"is_snapshot_from_vmpp", boolean(false)},
                   {"appliance", text(null)},
                   {"start_delay", number(0)},
                   {"shutdown_delay", number(0)},
                   {"order", number(0)},
                   {"VGPUs", array()},
                   {"attached_PCIs", array()},
                   {"suspend_SR", text(null)},
                   {"version", number(0)},
                   {"generation_id", text("")},
                   {"hardware_platform_version", number(0)},
                   {"has_vendor_device", boolean(false)},
                   {"requires_reboot", boolean(false)},
                   {"reference_label", text("other-install-media")},
                   {"domain_type", text(pv ? "pv" : "hvm")},
                   {"NVRAM", structure()}});
}

Value disk_object(const Hardware& hardware, const DiskRecord& disk, std::size_t index) {
    return object("VDI", disk.reference,
                  {{"uuid", text("")},
                   {"name_label", text(hardware.name + " disk " + std::to_string(index))},
                   {"name_description", text("")},
                   {"SR", text(sr_reference)},
                   {"VBDs", array({text(drive_reference(index))})},
                   {"virtual_size", number(disk.virtual_size)},
                   {"physical_utilisation", number(disk.virtual_size)},
                   {"type", text(index == 0 ? "system" : "user")},
                   {"sharable", boolean(false)},
                   {"read_only", boolean(false)},
                   {"other_config", structure()},
                   {"storage_lock", boolean(false)},
                   {"managed", boolean(true)},
                   {"missing", boolean(false)},
                   {"parent", text(null)},
                   {"sm_config", structure()}});
}

Value drive_object(const DiskRecord& disk, std::size_t index) {
    return object("VBD", drive_reference(index),
                  {{"uuid", text("")},
                   {"VM", text(vm_reference)},
                   {"VDI", text(disk.reference)},
                   {"device", text("")},
                   {"userdevice", text(std::to_string(index < 3 ? index : index + 1))},  // 3: CD
                   {"bootable", boolean(index == 0)},
                   {"mode", text("RW")},
                   {"type", text("Disk")},
                   {"unpluggable", boolean(index != 0)},
                   {"storage_lock", boolean(false)},
                   {"empty", boolean(false)},
                   {"other_config", structure()},
                   {"currently_attached", boolean(false)},
                   {"status_code", number(0)},
                   {"status_detail", text("")},
                   {"runtime_properties", structure()},
                   {"qos_algorithm_type", text("")},
                   {"qos_algorithm_params", structure()},
                   {"qos_supported_algorithms", array()},
                   {"metrics", text(null)}});
}

Value interface_object(std::size_t index) {
    return object("VIF", interface_reference(index),
                  {{"uuid", text("")},
                   {"device", text(std::to_string(index))},
                   {"network", text(network_reference)},
                   {"VM", text(vm_reference)},
                   {"MAC", text("")},
                   {"MTU", number(1500)},
                   {"other_config", structure()},
                   {"currently_attached", boolean(false)},
                   {"status_code", number(0)},
                   {"status_detail", text("")},
                   {"runtime_properties", structure()},
                   {"qos_algorithm_type", text("")},
                   {"qos_algorithm_params", structure()},
                   {"qos_supported_algorithms", array()},
                   {"metrics", text(null)},
                   {"MAC_autogenerated", boolean(true)}});
}

// The name most pools have; where it is missing, an empty bridge lets the host make a private network
// of its own naming, which cannot fail.
Value network_object() {
    return object("network", network_reference,
                  {{"uuid", text("")},
                   {"name_label", text("Pool-wide network associated with eth0")},
                   {"name_description", text("")},
                   {"VIFs", array()},
                   {"PIFs", array()},
                   {"MTU", number(1500)},
                   {"other_config", structure()},
                   {"bridge", text("")}});
}

Value storage_object(const std::vector<DiskRecord>& disks) {
    std::vector<Value> references;
    for (const DiskRecord& disk : disks) references.push_back(text(disk.reference));
    return object("SR", sr_reference,
                  {{"uuid", text("")},
                   {"name_label", text("Local storage")},
                   {"name_description", text("")},
                   {"VDIs", array(references)},
                   {"PBDs", array()},
                   {"virtual_allocation", number(0)},
                   {"physical_utilisation", number(0)},
                   {"physical_size", number(0)},
                   {"type", text("ext")},
                   {"content_type", text("user")},
                   {"shared", boolean(false)},
                   {"other_config", structure()}});
}

}  // namespace

std::string disk_reference(std::size_t index) {
    return numbered(1000, index);
}

std::string write_ova_xml(const Hardware& hardware, const std::vector<DiskRecord>& disks, const std::string& date) {
    std::vector<Value> objects{vm_object(hardware, disks.size()), storage_object(disks)};
    for (std::size_t i = 0; i < disks.size(); ++i) objects.push_back(disk_object(hardware, disks[i], i));
    for (std::size_t i = 0; i < disks.size(); ++i) objects.push_back(drive_object(disks[i], i));
    if (hardware.network_interfaces > 0) objects.push_back(network_object());
    for (std::size_t i = 0; i < hardware.network_interfaces; ++i) objects.push_back(interface_object(i));
    // 1.9 is what XenServer 7.1 wrote: no host is older than it, so none refuses it.
    return structure({{"version", structure({{"hostname", text("localhost")},
                                             {"date", text(date)},
                                             {"product_version", text("7.1.0")},
                                             {"product_brand", text("XenServer")},
                                             {"build_number", text("xenkiln")},
                                             {"xapi_major", number(1)},
                                             {"xapi_minor", number(9)},
                                             {"export_vsn", number(2)}})},
                      {"objects", array(objects)}})
        .xml;
}

}  // namespace formats::xva
