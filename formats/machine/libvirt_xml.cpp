// SPDX-License-Identifier: Apache-2.0
#include <libxml/tree.h>

#include <stdexcept>

#include "formats/base/handle.hpp"
#include "formats/machine/domain_config.hpp"

namespace formats::machine {
namespace {

using Document = formats::Handle<xmlDoc, xmlFreeDoc>;

const xmlChar* bytes(const std::string& text) {
    return reinterpret_cast<const xmlChar*>(text.c_str());
}

class Element {
public:
    explicit Element(xmlNode* node) : node_(node) {}
    Element child(const std::string& name, const std::string& text = {}) const {
        return Element(xmlNewTextChild(node_, nullptr, bytes(name), text.empty() ? nullptr : bytes(text)));
    }
    const Element& with(const std::string& attribute, const std::string& value) const {
        xmlNewProp(node_, bytes(attribute), bytes(value));
        return *this;
    }

private:
    xmlNode* node_;
};

void describe_os(const Element& domain, const formats::Hardware& hardware, bool kvm) {
    using formats::Mode;
    const bool pv = !kvm && hardware.mode == Mode::pv, pvh = !kvm && hardware.mode == Mode::pvh;
    if (pv || pvh) domain.child("bootloader", "/usr/bin/pygrub");
    const Element os = domain.child("os");
    const bool uefi = hardware.firmware == formats::Firmware::uefi;
    if (uefi && kvm) os.with("firmware", "efi");
    const Element type = os.child("type", pv ? "linux" : pvh ? "xenpvh" : "hvm");
    type.with("arch", "x86_64");
    if (kvm) type.with("machine", "q35");
    if (pv || pvh) return;
    if (uefi && !kvm) os.child("loader", "/usr/lib/xen/boot/ovmf.bin").with("readonly", "yes").with("type", "pflash");
    os.child("boot").with("dev", "hd");
}

void describe_devices(const Element& devices, const formats::Hardware& hardware, const std::vector<std::string>& disks,
                      bool kvm) {
    const bool emulated = !kvm && hardware.mode == formats::Mode::hvm;
    for (std::size_t i = 0; i < disks.size(); ++i) {
        const bool block = disks[i].starts_with("/dev/");
        const Element disk = devices.child("disk").with("type", block ? "block" : "file").with("device", "disk");
        disk.child("driver").with("name", "qemu").with("type", "raw");
        disk.child("source").with(block ? "dev" : "file", disks[i]);
        disk.child("target")
            .with("dev", std::string(kvm        ? "vd"
                                     : emulated ? "hd"
                                                : "xvd") +
                             static_cast<char>('a' + i))
            .with("bus", kvm        ? "virtio"
                         : emulated ? "ide"
                                    : "xen");
    }
    for (std::uint32_t i = 0; i < hardware.network_interfaces; ++i) {
        const Element nic = devices.child("interface").with("type", kvm ? "network" : "bridge");
        if (kvm)
            nic.child("source").with("network", "default");
        else
            nic.child("source").with("bridge", "xenbr0");
        if (kvm || emulated) nic.child("model").with("type", kvm ? "virtio" : "e1000");
    }
    const Element console = devices.child("console").with("type", "pty");
    console.child("target").with("type", kvm ? "serial" : "xen").with("port", "0");
    if (!kvm) return;
    devices.child("rng").with("model", "virtio").child("backend", "/dev/urandom").with("model", "random");
}

}  // namespace

std::string libvirt_xml(const formats::Hardware& hardware, const std::vector<std::string>& disks, Hypervisor hypervisor,
                        const std::vector<std::string>& comment) {
    const bool kvm = hypervisor == Hypervisor::kvm;
    const Document document(xmlNewDoc(bytes("1.0")));
    if (!document) throw std::bad_alloc();
    xmlNode* root = xmlNewNode(nullptr, bytes("domain"));
    xmlDocSetRootElement(document.get(), root);
    const Element domain(root);
    std::string remark;
    for (const std::string& line : comment) remark += (remark.empty() ? " " : "\n       ") + line;
    while (remark.find("--") != std::string::npos) remark.replace(remark.find("--"), 2, "- -");
    if (!remark.empty()) xmlAddChild(root, xmlNewDocComment(document.get(), bytes(remark + " ")));
    domain.with("type", kvm ? "kvm" : "xen");
    domain.child("name", hardware.name);
    domain.child("description", hardware.description);
    domain.child("memory", std::to_string(hardware.memory_bytes >> 10)).with("unit", "KiB");
    domain.child("vcpu", std::to_string(hardware.vcpus));
    describe_os(domain, hardware, kvm);
    if (kvm || hardware.mode == formats::Mode::pvhvm || hardware.mode == formats::Mode::hvm) {
        const Element features = domain.child("features");
        features.child("acpi");
        features.child("apic");
    }
    domain.child("clock").with("offset", "utc");
    domain.child("on_poweroff", "destroy");
    domain.child("on_reboot", "restart");
    domain.child("on_crash", "restart");
    describe_devices(domain.child("devices"), hardware, disks, kvm);
    xmlChar* text = nullptr;
    int size = 0;
    xmlDocDumpFormatMemoryEnc(document.get(), &text, &size, "UTF-8", 1);
    const std::string result(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    xmlFree(text);
    return result;
}

}  // namespace formats::machine
