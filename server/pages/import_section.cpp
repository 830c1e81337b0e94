// SPDX-License-Identifier: Apache-2.0
#include "server/pages/import_section.hpp"

#include <optional>

#include "formats/image/plan_output.hpp"
#include "server/pages/html.hpp"

namespace server::pages {
namespace {

using catalog::Artifact;
using formats::Compression;
using formats::Format;
using formats::OutputKind;
using html::command;

// A host reads .xva, .xva.gz and .xva.zst itself, from an address or a file; xz goes through a pipe.
std::string machine(const Artifact& artifact, const std::string& public_url) {
    const std::string from = public_url + address(artifact), &name = artifact.file_name;
    if (!name.ends_with(".xz"))
        return command("xe vm-import url=" + from) + "<p class=\"hint\">or, already downloaded:</p>" +
               command("xe vm-import filename=" + name);
    const std::string unpacked = name.substr(0, name.size() - 3);
    return command("curl -sS " + from + " | xz -dc | xe vm-import filename=/dev/stdin") +
           "<p class=\"hint\">or, already downloaded:</p>" +
           command("xz -dc " + name + " > " + unpacked + "\nxe vm-import filename=" + unpacked);
}

// A host reads raw, dynamic VHD and plain qcow2; of VHDs not those that are fixed, of qcow2s not packed clusters.
bool a_host_reads(const OutputKind& kind) {
    return !kind.fixed && kind.clusters == Compression::none;
}

std::string disk(const Artifact& artifact, const OutputKind& kind, std::uint64_t virtual_size,
                 const std::string& public_url) {
    const std::string ending(file_ending(kind.packing)), &name = artifact.file_name;
    const std::string unpacked = name.substr(0, name.size() - (name.ends_with(ending) ? ending.size() : 0));
    const std::string tool = kind.packing == Compression::gzip ? "gzip" : std::string(to_string(kind.packing));
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    const std::string size = virtual_size == 0 ? "BYTES" : std::to_string((virtual_size + mib - 1) / mib * mib);
    std::string lines = "curl -sSO " + public_url + address(artifact) + "\n";
    if (kind.packing != Compression::none) lines += tool + " -dc " + name + " > " + unpacked + "\n";
    lines +=
        "vdi=$(xe vdi-create sr-uuid=SR name-label=" + artifact.release + " type=user virtual-size=" + size + ")\n";
    return command(lines + "xe vdi-import uuid=$vdi filename=" + unpacked +
                   " format=" + std::string(to_string(kind.format)));
}

}  // namespace

std::string address(const Artifact& artifact) {
    return "/download/" + artifact.release + "/" + artifact.file_name;
}

std::string import_section(const catalog::Release& release, std::uint64_t virtual_size, const std::string& public_url) {
    std::string machines, disks;
    for (const Artifact& artifact : release.artifacts) {
        const std::optional<OutputKind> kind = formats::output_kind_from(artifact.format);
        if (!kind) continue;
        if (kind->format == Format::xva)
            machines += machine(artifact, public_url);
        else if (a_host_reads(*kind))
            disks += disk(artifact, *kind, virtual_size, public_url);
    }
    if (!machines.empty())
        for (const Artifact& artifact : release.artifacts)
            if (artifact.format == "ova.xml")
                machines +=
                    "<p class=\"hint\">Would the host accept it? Its description alone tells, without the "
                    "disk:</p>" +
                    command("curl -sSO " + public_url + address(artifact) +
                            "\nxe vm-import filename=" + artifact.file_name + " metadata=true dry-run=true");
    if (!disks.empty())
        disks = "<p class=\"hint\">The disk alone, into a storage repository (SR is its uuid):</p>" + disks;
    if (machines.empty() && disks.empty()) return {};
    return "<h3>Import on XenServer or XCP-ng</h3>\n" + machines + disks;
}

}  // namespace server::pages
