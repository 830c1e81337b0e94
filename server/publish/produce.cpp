// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "builders/hardware/domain_config.hpp"
#include "formats/stream/compress.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/sinks.hpp"
#include "server/publish/publish.hpp"

namespace server::publish {
namespace {

using formats::DigestKind;
constexpr DigestKind sha256 = DigestKind::sha256, md5 = DigestKind::md5;

// One output file and its way there: compressor → artifact's digests and file.
class OutputFile {
public:
    OutputFile(const builders::Output& output, const std::filesystem::path& out, const std::string& stem)
        : name_(stem + "." + output.extension()),
          format_(output.extension()),
          file_(out / name_),
          digest_{sha256, md5},
          stored_(file_, digest_),
          compressor_(compressor(output, stored_)) {}

    formats::ByteSink& sink() { return *compressor_; }

    Product product(const formats::DigestSink& image) const {
        return {name_,        format_,           file_.size(),  digest_.hex(sha256), digest_.hex(md5),
                image.size(), image.hex(sha256), image.hex(md5)};
    }

private:
    static std::unique_ptr<formats::ByteSink> compressor(const builders::Output& output, formats::ByteSink& next) {
        const auto kind = formats::compression_from(output.compression).value_or(formats::Compression::none);
        return make_compressor(kind, output.level.value_or(formats::levels(kind).standard), 0, next);
    }

    std::string name_, format_;
    formats::FileSink file_;
    formats::DigestSink digest_;
    formats::TeeSink stored_;
    std::unique_ptr<formats::ByteSink> compressor_;
};

// Passes the image on to every output; tells how far it is; stops when asked.
class ImageSink : public formats::ByteSink {
public:
    ImageSink(const std::vector<std::unique_ptr<OutputFile>>& outputs, formats::DigestSink& digest, std::uint64_t total,
              const std::function<void(std::uint64_t, std::uint64_t)>& done, std::stop_token stop)
        : outputs_(outputs), digest_(digest), total_(total), done_(done), stop_(std::move(stop)) {}

    void write(std::span<const std::byte> bytes) override {
        if (stop_.stop_requested()) throw std::runtime_error("cancelled");
        digest_.write(bytes);
        for (const auto& output : outputs_) output->sink().write(bytes);
        written_ += bytes.size();
        if (done_) done_(written_, total_);
    }
    void finish() override {
        digest_.finish();
        for (const auto& output : outputs_) output->sink().finish();
    }

private:
    const std::vector<std::unique_ptr<OutputFile>>& outputs_;
    formats::DigestSink& digest_;
    std::uint64_t total_, written_ = 0;
    const std::function<void(std::uint64_t, std::uint64_t)>& done_;
    std::stop_token stop_;
};

// The same machine in the words of xl and libvirt, its disks where Xen's tools look for them.
void describe_machine(const formats::Hardware& hardware, std::size_t disks, const std::filesystem::path& out,
                      const std::string& stem, std::vector<Product>& products) {
    using builders::hardware::Hypervisor;
    const auto paths = [&](const std::string& folder) {
        std::vector<std::string> list;
        for (std::size_t i = 1; i <= disks; ++i) list.push_back(folder + stem + "-disk" + std::to_string(i) + ".raw");
        return list;
    };
    const auto xen = paths("/var/lib/xen/images/"), kvm = paths("/var/lib/libvirt/images/");
    products.push_back(write_text(builders::hardware::xl_config(hardware, xen), "xl.cfg", out, stem));
    products.push_back(
        write_text(builders::hardware::libvirt_xml(hardware, xen, Hypervisor::xen), "libvirt-xen.xml", out, stem));
    products.push_back(
        write_text(builders::hardware::libvirt_xml(hardware, kvm, Hypervisor::kvm), "libvirt-kvm.xml", out, stem));
}

}  // namespace

Product write_text(const std::string& text, const char* format, const std::filesystem::path& out,
                   const std::string& file_stem) {
    const std::string name = file_stem + "." + format;
    formats::FileSink file(out / name);
    file.write(std::as_bytes(std::span(text)));
    file.finish();
    return {name, format, text.size(), formats::digest_hex(sha256, text), formats::digest_hex(md5, text), 0, {}, {}};
}

std::vector<Product> produce(const std::vector<formats::BlockSource*>& disks, const formats::Hardware& hardware,
                             const formats::xva::XvaOptions& options, const std::vector<builders::Output>& outputs,
                             const std::filesystem::path& out, const std::string& file_stem,
                             const std::function<void(std::uint64_t, std::uint64_t)>& done, std::stop_token stop) {
    const formats::xva::XvaLayout layout(disks, hardware, options);
    // From here on every byte of the image is determined.

    std::vector<std::unique_ptr<OutputFile>> files;
    for (const builders::Output& output : outputs)
        files.push_back(std::make_unique<OutputFile>(output, out, file_stem));
    formats::DigestSink image_digest{sha256, md5};
    ImageSink image(files, image_digest, layout.file_size(), done, std::move(stop));

    write_xva(layout, image);
    image.finish();
    // From here on the files are complete and synced; before, none of them would have stayed.

    std::vector<Product> products;
    for (const auto& file : files) products.push_back(file->product(image_digest));
    products.push_back(write_text(layout.ova_xml(), "ova.xml", out, file_stem));
    describe_machine(hardware, disks.size(), out, file_stem, products);
    return products;
}

}  // namespace server::publish
