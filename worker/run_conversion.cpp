// SPDX-License-Identifier: Apache-2.0
#include "worker/run_conversion.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "builders/job/errors.hpp"
#include "builders/job/step_times.hpp"
#include "builders/plan/build_host.hpp"
#include "builders/sandbox/confinement.hpp"
#include "builders/sandbox/sandbox_filter.hpp"
#include "formats/base/text.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/partition_table.hpp"
#include "formats/disk/scanned_disk.hpp"
#include "worker/conversion_request.hpp"
#include "worker/conversion_source.hpp"
#include "worker/produce.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using formats::BlockSource;

constexpr const char *fetch_step = "fetch source", *inspect_step = "inspect source", *convert_step = "convert";
constexpr std::uint64_t tables = std::uint64_t{64} << 20;  // of a file's size beyond its disks'

std::string mib(std::uint64_t bytes) {
    return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

class Conversion {
public:
    Conversion(const fs::path& folder, const json::object& request, bool confined, LineProgress& progress)
        : folder_(folder), request_(request), confined_(confined), progress_(progress) {
        ReadConversion read = read_conversion(request.at("conversion").as_object());
        if (!read.errors.empty()) throw builders::StepFailed(read.errors.front());
        wish_ = std::move(read.request);
        host_ = builders::build_host_from_json(json::serialize(request.at("host")));
        reserved_ = request.at("reserved_bytes").to_number<std::uint64_t>();
    }

    void run(const Fetch& fetch, const std::stop_token& stop) {
        const bool by_address = wish_.source.kind == ConversionSource::Kind::url;
        std::vector<builders::StepWeight> steps{{inspect_step, 5}, {convert_step, 100}};
        if (by_address) steps.insert(steps.begin(), {fetch_step, 40});
        progress_.steps(steps);
        if (by_address) {
            steps_.begin(fetch_step);
            const std::uint64_t free = fs::space(folder_).available;
            fetch_source(folder_, wish_.source, host_, free - std::min(free, reserved_), fetch, progress_, stop);
        }
        builders::refuse_network_and_programs();
        memory_kept_ = builders::limit_memory(host_.limits.memory);

        ConversionWatch watch(folder_, host_.limits, stop);
        try {
            steps_.begin(inspect_step);
            open(watch.stop());
            steps_.begin(convert_step);
            convert(watch.stop());
        } catch (...) {
            if (const std::string why = watch.struck(); !why.empty()) throw builders::StepFailed(why);
            throw;
        }
    }

private:
    void note(const std::string& message) {
        progress_.line("note: " + message);
        notes_.push_back({{"line", 0}, {"message", formats::valid_utf8(message)}});
    }

    void open(const std::stop_token& stop) {
        facts_ = source_facts(folder_, request_);
        file_ = std::make_shared<WatchedFile>(source_file(folder_), stop);
        formats::OpenOptions options;
        options.declared = wish_.from;
        options.spool_folder = folder_ / "work";
        image_ = open_image(file_, facts_.name, options);
        progress_.line(facts_.name + ": " + std::string(to_string(image_.format)) +
                       (image_.packing == formats::Compression::none
                            ? ""
                            : ", packed with " + std::string(to_string(image_.packing))) +
                       ", " + std::to_string(image_.file_size) + " bytes, " + std::to_string(image_.disks.size()) +
                       (image_.disks.size() == 1 ? " disk" : " disks"));
        for (const std::string& warning : image_.facts.warnings) note(warning);
        if (image_.spooled) note("the source was unpacked into a file of its own to be read");
        const bool scan = worth_a_scan(image_);
        if (scan) note("the source has no holes: it is read once more to find its zeroes");
        chosen_ = choose_disks(image_, wish_.disk, scan);
        for (BlockSource* disk : chosen_.disks)
            for (const std::string& problem : partition_table_problems(*disk)) note(problem);
        for (const formats::OutputKind& kind : wish_.outputs) {
            if (kind.format == formats::Format::xva) continue;
            if (chosen_.disks.size() > 1)
                throw builders::StepFailed("the source has " + std::to_string(chosen_.disks.size()) + " disks, " +
                                           output_name(kind) + " holds one: choose with \"disk\": N");
            if (kind.format == formats::Format::raw && !wish_.nested)
                refuse_nested(image_, *chosen_.disks.front(), output_name(kind), "say \"nested\": true to have it");
        }
        hardware_ = hardware_of(image_, *chosen_.disks.front(), wish_.hardware, wish_.name);
        share_memory(wish_.outputs, host_.limits.memory, folder_ / "work");
        for (formats::OutputKind& kind : wish_.outputs) kind.date = date() + "T00:00:00Z";
        check_space();
    }

    // What each output can take at most: nothing is begun that the disk may not hold.
    void check_space() {
        std::uint64_t need = 0, largest = 0, virtual_size = 0, allocated = 0;
        for (BlockSource* disk : chosen_.disks) {
            virtual_size += disk->virtual_size();
            allocated += formats::allocated_bytes(*disk);
        }
        std::string each;
        for (const formats::OutputKind& kind : wish_.outputs) {
            const std::uint64_t most = most_bytes(kind, chosen_.disks, hardware_);
            // Packed clusters stand in a spool before they stand in the file.
            need += most + (kind.clusters == formats::Compression::none ? 0 : most);
            largest = std::max(largest, most);
            each += (each.empty() ? "" : ", ") + output_name(kind) + " " + mib(most);
        }
        const std::string source = "the source has " + mib(virtual_size) + ", " + mib(allocated) + " of them allocated";
        const std::uint64_t free = fs::space(folder_).available;
        if (free < need + reserved_)
            throw builders::NoSpace("this conversion may need " + mib(need) + " (" + each + "; " + source + "), and " +
                                    mib(reserved_) + " stay free; there are " + mib(free));
        progress_.line(source + "; its outputs may take " + mib(need) + ", there are " + mib(free));
        builders::limit_file_size(std::max(largest, virtual_size + virtual_size / 64) + tables);
    }

    void convert(const std::stop_token& stop) {
        const std::string name = conversion_release(wish_, date());
        WorkerResult result{name, conversion_title(wish_, facts_.name), {}, {}};
        Order order{chosen_.disks, hardware_, wish_.outputs, true, folder_ / "out", name};
        Produced produced = produce(
            order, [&](double part) { progress_.fraction(part); }, stop);
        for (const std::string& one : produced.notes) note(one);
        progress_.line("read " + std::to_string(file_->bytes_read()) + " bytes of the source's " +
                       std::to_string(file_->virtual_size()));
        for (const Product& product : produced.products) inspect_again(product);
        for (std::size_t i = 0; i < chosen_.disks.size(); ++i)
            progress_.line("disk " + std::to_string(i + 1) + ": digest " + produced.disk_digests[i]);
        steps_.end();
        result.products = std::move(produced.products);
        result.title = formats::valid_utf8(result.title);
        result.details = json::serialize(details(produced.disk_digests));
        write_report(result, folder_ / "out");
        write_result(result, folder_ / "out/result.json");
    }

    void inspect_again(const Product& product) {
        const auto kind = formats::output_kind_from(product.format);
        if (!kind || kind->packing != formats::Compression::none || kind->format == formats::Format::raw) return;
        check_written(formats::open_file(folder_ / "out" / product.file_name), kind->format, chosen_.disks);
    }

    json::object details(const std::vector<std::string>& digests) {
        json::array disks;
        for (std::size_t i = 0; i < chosen_.disks.size(); ++i)
            disks.push_back({{"virtual_size", chosen_.disks[i]->virtual_size()},
                             {"allocated", formats::allocated_bytes(*chosen_.disks[i])},
                             {"disk_digest", digests[i]}});
        json::object features;
        for (const auto& [name, value] : image_.facts.features)
            features[formats::valid_utf8(name)] = formats::valid_utf8(value);
        json::object source{{"from", wish_.source.described()},
                            {"file_name", formats::valid_utf8(facts_.name)},
                            {"format", to_string(image_.format)},
                            {"packing", to_string(image_.packing)},
                            {"file_size", file_->virtual_size()},
                            {"bytes_read", file_->bytes_read()},
                            {"features", features}};
        if (!facts_.sha256.empty()) source["sha256"] = facts_.sha256;
        json::array outputs;
        for (const formats::OutputKind& kind : wish_.outputs) outputs.emplace_back(output_name(kind));
        return {{"kind", "conversion"},
                {"source", source},
                {"outputs", outputs},
                {"hardware",
                 {{"name", hardware_.name},
                  {"description", hardware_.description},
                  {"mode", to_string(hardware_.mode)},
                  {"firmware", hardware_.firmware == formats::Firmware::uefi ? "uefi" : "bios"},
                  {"vcpus", hardware_.vcpus},
                  {"memory_bytes", hardware_.memory_bytes},
                  {"network_interfaces", hardware_.network_interfaces},
                  {"template", hardware_.is_template},
                  {"disks", disks}}},
                {"steps", steps_.done()},
                {"notes", notes_},
                {"sandbox",
                 {{"walls", confined_ ? "landlock: the job's own folders; seccomp: no network, no programs"
                                      : "seccomp: no network, no programs; this kernel has no landlock"},
                  {"limits",
                   {{"kept_by", memory_kept_ ? "rlimits and a watch" : "a watch (a build with sanitizers)"},
                    {"memory", host_.limits.memory},
                    {"seconds", host_.limits.seconds}}}}}};
    }

    std::string date() const { return json::value_to<std::string>(request_.at("date")); }

    fs::path folder_;
    const json::object& request_;
    bool confined_, memory_kept_ = false;
    LineProgress& progress_;
    ConversionRequest wish_;
    builders::BuildHost host_;
    std::uint64_t reserved_ = 0;
    builders::StepTimes steps_{progress_};
    json::array notes_;
    SourceFacts facts_;
    std::shared_ptr<WatchedFile> file_;
    formats::OpenedImage image_;
    formats::ChosenDisks chosen_;
    formats::Hardware hardware_;
};

}  // namespace

bool confine_conversion(const fs::path& folder) {
    std::vector<fs::path> writable, readable = builders::system_folders();
    for (const char* place : {"work", "out", fetched_folder}) {
        fs::create_directory(folder / place);
        writable.push_back(folder / place);
    }
    readable.push_back(folder);  // where the source is a link to somebody's only copy
    return builders::confine_files(writable, readable);
}

void run_conversion(const fs::path& folder, const json::object& request, bool confined, const Fetch& fetch,
                    LineProgress& progress, const std::stop_token& stop) {
    Conversion(folder, request, confined, progress).run(fetch, stop);
}

}  // namespace worker
