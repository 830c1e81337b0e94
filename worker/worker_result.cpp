// SPDX-License-Identifier: Apache-2.0
#include "worker/worker_result.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <stdexcept>

#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "worker/report_text.hpp"
#include "worker/result_checks.hpp"
#include "worker/worker_file.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using formats::Compression;
using formats::DigestKind;
using formats::Md5;
using formats::OutputKind;
using formats::Sha256;

// All that a worker makes besides images.
constexpr std::array<std::string_view, 6> texts{"ova.xml",         "xl.cfg",      "libvirt-xen.xml",
                                                "libvirt-kvm.xml", "report.json", "report.txt"};
constexpr std::uint64_t most_image = std::uint64_t{1} << 60, most_text = std::uint64_t{32} << 20;
constexpr std::size_t most_products = 64;

std::optional<OutputKind> image_kind(const std::string& format) {
    std::optional<OutputKind> kind = formats::output_kind_from(format);
    return kind && output_name(*kind) == format ? kind : std::nullopt;
}

std::string wrong(const std::string& what) {
    return "the worker's result: " + what;
}

Product read_product(const json::value& value, const std::string& path, const std::string& release_name) {
    const Members members(value, path,
                          {"file_name", "format", "size", "sha256", "md5", "image_size", "image_sha256", "image_md5"});
    const std::string format = members.text("format", 40), name = members.text("file_name", 255);
    const std::optional<OutputKind> kind = image_kind(format);
    if (!kind && std::ranges::find(texts, format) == texts.end())
        throw std::runtime_error(path + "format: '" + format + "' is not a format that a worker makes");
    if (const std::string right = product_name(release_name, format); name != right)
        throw std::runtime_error(path + "file_name: '" + name + "' is not '" + right + "'");
    Product product{name, format, members.number("size", 1, kind ? most_image : most_text),
                    Sha256::of(members.text("sha256", 64), path + "sha256"),
                    Md5::of(members.text("md5", 32), path + "md5")};
    if (!kind) {
        members.number("image_size", 0, 0);
        members.text("image_sha256", 0);
        members.text("image_md5", 0);
        return product;
    }
    product.image_size = members.number("image_size", 1, most_image);
    product.image_sha256 = Sha256::of(members.text("image_sha256", 64), path + "image_sha256");
    product.image_md5 = Md5::of(members.text("image_md5", 32), path + "image_md5");
    if (kind->packing == Compression::none &&
        (product.image_size != product.size || product.image_sha256 != product.sha256 ||
         product.image_md5 != product.md5))
        throw std::runtime_error(path + "image_size, image_sha256, image_md5: are not the file's, which is not packed");
    return product;
}

void require_one_image_each(const std::vector<Product>& products) {
    for (std::size_t i = 0; i < products.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const Product &a = products[j], &b = products[i];
            if (a.format == b.format) throw std::runtime_error(wrong(a.format + " is listed twice"));
            auto first = image_kind(a.format), second = image_kind(b.format);
            if (!first || !second) continue;
            first->packing = second->packing = Compression::none;
            if (output_name(*first) == output_name(*second) &&
                (a.image_size != b.image_size || a.image_sha256 != b.image_sha256 || a.image_md5 != b.image_md5))
                throw std::runtime_error(wrong(a.format + " and " + b.format + " are not of the same image"));
        }
}

}  // namespace

std::string product_name(const std::string& stem, const std::string& format) {
    const std::optional<OutputKind> kind = formats::output_kind_from(format);
    if (!kind && std::ranges::find(texts, format) == texts.end())
        throw std::runtime_error("'" + format + "' is not a format that a worker makes");
    if (!kind) return stem + "." + format;
    const std::string name = output_name(*kind), plain(to_string(kind->format));
    const std::string variant = name.substr(plain.size(), name.find('.') - plain.size());
    return stem + variant + "." + plain + std::string(file_ending(kind->packing));
}

Product write_text(const std::string& text, const char* format, const fs::path& out, const std::string& file_stem) {
    const std::string name = product_name(file_stem, format);
    formats::write_whole_file(out / name, text);
    return {name, format, text.size(), Sha256::of(formats::digest_hex(DigestKind::sha256, text), name),
            Md5::of(formats::digest_hex(DigestKind::md5, text), name)};
}

void write_report(WorkerResult& result, const fs::path& out) {
    result.title = without_control_characters(result.title);
    result.details = json::serialize(without_control_characters(json::parse(result.details)));
    for (const auto& [text, format] : {std::pair{result.details + "\n", "report.json"},
                                       std::pair{report_text(result.title, result.details), "report.txt"}})
        result.products.push_back(write_text(text, format, out, result.release_name));
}

void write_result(const WorkerResult& result, const fs::path& file) {
    json::array products;
    for (const Product& p : result.products)
        products.push_back({{"file_name", p.file_name},
                            {"format", p.format},
                            {"size", p.size},
                            {"sha256", p.sha256.hex()},
                            {"md5", p.md5.hex()},
                            {"image_size", p.image_size},
                            {"image_sha256", p.image_sha256 ? p.image_sha256->hex() : ""},
                            {"image_md5", p.image_md5 ? p.image_md5->hex() : ""}});
    const std::string text = json::serialize(json::object{{"release_name", result.release_name},
                                                          {"title", result.title},
                                                          {"details", json::parse(result.details)},
                                                          {"products", products}});
    if (text.size() > most_result)
        throw std::runtime_error("the result has " + std::to_string(text.size()) + " bytes, more than the " +
                                 std::to_string(most_result) + " that are read");
    formats::write_whole_file(file, text);
}

WorkerResult read_result(const fs::path& file) {
    const formats::File opened = open_plain(open_folder(file.parent_path()), file.filename(), most_result);
    std::string text(opened.size(), '\0');
    opened.read_at(0, std::as_writable_bytes(std::span(text)));
    json::error_code error;
    const json::value parsed = json::parse(text, error);
    if (error) throw std::runtime_error(wrong("is not JSON: " + error.message()));
    const Members members(parsed, "the worker's result: ", {"release_name", "title", "details", "products"});
    WorkerResult result{members.text("release_name", 200), members.text("title", 1000), {}, {}};
    if (result.release_name.empty() || result.title.empty()) throw std::runtime_error(wrong("has no name or title"));
    if (result.release_name.starts_with('.') || result.release_name.find('/') != std::string::npos)
        throw std::runtime_error(wrong("release_name: '" + result.release_name + "' is not a plain name"));
    require_details(members.at("details"));
    result.details = json::serialize(members.at("details"));
    const json::array* products = members.at("products").if_array();
    if (!products || products->empty() || products->size() > most_products)
        throw std::runtime_error(wrong("products: is not a list of 1 to " + std::to_string(most_products)));
    for (std::size_t i = 0; i < products->size(); ++i)
        result.products.push_back(read_product(
            (*products)[i], "the worker's result: products[" + std::to_string(i) + "].", result.release_name));
    require_one_image_each(result.products);
    return result;
}

void require_asked(const WorkerResult& result, const Asked& asked) {
    if (result.release_name != asked.release_name)
        throw std::runtime_error(
            wrong("release_name: '" + result.release_name + "' is not '" + asked.release_name + "'"));
    if (asked.conversion ? !result.title.starts_with(asked.title) : result.title != asked.title)
        throw std::runtime_error(wrong("title: '" + result.title + "' " +
                                       (asked.conversion ? "does not begin with '" : "is not '") + asked.title + "'"));
    const json::value details = json::parse(result.details);
    const json::value* kind = details.as_object().if_contains("kind");
    if (asked.conversion ? !kind || *kind != "conversion" : kind != nullptr)
        throw std::runtime_error(
            wrong(std::string("details.kind: is not that of a ") + (asked.conversion ? "conversion" : "build")));
    std::vector<std::string> missing = asked.images;
    for (const Product& product : result.products) {
        if (!image_kind(product.format)) continue;
        const auto found = std::ranges::find(missing, product.format);
        if (found == missing.end()) throw std::runtime_error(wrong(product.format + " was not asked for"));
        missing.erase(found);
    }
    if (!missing.empty()) throw std::runtime_error(wrong("lacks " + missing.front() + ", which was asked for"));
}

}  // namespace worker
