// SPDX-License-Identifier: Apache-2.0
#include "worker/produce.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "builders/job/errors.hpp"
#include "formats/base/workers.hpp"
#include "formats/disk/disk_digest.hpp"
#include "formats/image/open_image.hpp"
#include "formats/stream/digest.hpp"
#include "tests/support/memory.hpp"

namespace {

namespace fs = std::filesystem;
using formats::DigestKind;
using worker::Order;
using worker::Produced;
using worker::Product;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

// Counts what is read of it.
class CountedDisk : public support::MemoryDisk {
public:
    using MemoryDisk::MemoryDisk;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        MemoryDisk::read_at(offset, out);
        bytes_read += out.size();
    }
    std::uint64_t bytes_read = 0;
};

class Produce : public testing::Test {
protected:
    Produce() {
        fs::remove_all(folder);
        fs::create_directories(folder);
        disk.fill(0, 6 * mib, 1);
        disk.fill(20 * mib, 9 * mib, 2);
    }
    ~Produce() override { fs::remove_all(folder); }

    Order order(const std::vector<const char*>& names) {
        Order wanted{{&disk}, {}, {}, true, folder, "web"};
        wanted.hardware.name = "web";
        for (const char* name : names) {
            wanted.outputs.push_back(formats::output_kind_from(name).value());
            wanted.outputs.back().xxhash = false;
            wanted.outputs.back().spool_folder = folder;
        }
        return wanted;
    }
    std::string content(const std::string& name) const {
        std::ifstream file(folder / name, std::ios::binary);
        std::string bytes(fs::file_size(folder / name), '\0');
        file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return bytes;
    }
    static std::map<std::string, Product> by_format(const Produced& produced) {
        std::map<std::string, Product> all;
        for (const Product& product : produced.products) all.emplace(product.format, product);
        return all;
    }

    fs::path folder = fs::path(testing::TempDir()) / ("produce_test." + std::to_string(::getpid()));
    CountedDisk disk{48 * mib};
};

TEST_F(Produce, several_images_of_a_disk_read_it_once_and_each_is_that_disk) {
    double last = 0;
    const Produced produced =
        produce(order({"xva.gz", "vhd", "raw", "vhd-fixed", "qcow2"}), [&](double part) { last = part; }, {});
    EXPECT_LE(disk.bytes_read, 17 * mib);  // 15 MiB of data, and the last chunk that an XVA always has
    EXPECT_NEAR(last, 1, 1e-9);
    const auto products = by_format(produced);
    EXPECT_EQ(products.at("vhd").file_name, "web.vhd");
    EXPECT_EQ(products.at("vhd-fixed").file_name, "web-fixed.vhd");
    EXPECT_EQ(products.at("xva.gz").file_name, "web.xva.gz");
    EXPECT_TRUE(products.contains("ova.xml"));
    ASSERT_EQ(produced.disk_digests.size(), 1U);
    EXPECT_EQ(produced.disk_digests[0], disk_digest(disk));
    for (const char* format : {"xva.gz", "vhd", "raw", "vhd-fixed", "qcow2"}) {
        const Product& product = products.at(format);
        const std::string bytes = content(product.file_name);
        EXPECT_EQ(product.size, bytes.size()) << format;
        EXPECT_EQ(product.sha256.hex(), digest_hex(DigestKind::sha256, bytes)) << format;
        EXPECT_EQ(product.md5.hex(), digest_hex(DigestKind::md5, bytes)) << format;
        const bool packed = std::string(format).find('.') != std::string::npos;
        EXPECT_EQ(product.image_sha256 == product.sha256, !packed) << format;
        const formats::OpenedImage image = formats::open_image(folder / product.file_name);
        EXPECT_EQ(disk_digest(*image.disks.at(0).source), produced.disk_digests[0]) << format;
    }
}

TEST_F(Produce, the_same_image_packed_differently_is_written_once_and_has_one_digest) {
    const auto products = by_format(produce(order({"xva", "xva.gz", "xva.zst"}), {}, {}));
    EXPECT_EQ(products.at("xva.gz").image_sha256, products.at("xva").sha256);
    EXPECT_EQ(products.at("xva.zst").image_sha256, products.at("xva").sha256);
    EXPECT_EQ(products.at("xva.zst").image_md5, products.at("xva").md5);
    EXPECT_EQ(products.at("xva.gz").image_size, products.at("xva").size);
    Order alone = order({"xva.gz"});
    alone.file_stem = "alone";
    alone.disk_digests = false;
    EXPECT_EQ(by_format(produce(alone, {}, {})).at("xva.gz").image_sha256, products.at("xva").sha256);
}

TEST_F(Produce, the_machine_is_described_only_where_there_is_one) {
    const auto products = by_format(produce(order({"vhd", "qcow2-zlib"}), {}, {}));
    EXPECT_EQ(products.size(), 2U);
    EXPECT_EQ(products.at("qcow2-zlib").file_name, "web-zlib.qcow2");
}

TEST_F(Produce, no_domain_is_written_for_a_disk_that_kvm_cannot_boot) {
    const Produced produced = produce(order({"xva.gz"}), {}, {});
    const auto products = by_format(produced);
    EXPECT_TRUE(products.contains("xl.cfg"));
    EXPECT_TRUE(products.contains("libvirt-xen.xml"));
    EXPECT_FALSE(products.contains("libvirt-kvm.xml"));
    EXPECT_THAT(produced.notes, testing::Contains(testing::HasSubstr("libvirt-kvm.xml is left out")));
    EXPECT_THAT(content("web.xl.cfg"),
                testing::HasSubstr("xenkiln convert web.xva.gz /var/lib/xen/images/web-disk1.raw"));
}

TEST_F(Produce, xl_cfg_named_a_file_although_a_device_was_written) {
    Order wanted = order({"xva.gz"});
    wanted.disk_paths = {"/dev/vg0/guest"};
    produce(wanted, {}, {});
    for (const char* name : {"web.xl.cfg", "web.libvirt-xen.xml"}) {
        EXPECT_THAT(content(name), testing::HasSubstr("/dev/vg0/guest"));
        EXPECT_THAT(content(name), testing::Not(testing::HasSubstr(".raw")));
    }
}

TEST_F(Produce, many_outputs_share_the_memory_of_the_job_and_one_takes_what_there_is) {
    std::vector<formats::OutputKind> one{formats::output_kind_from("xva.xz").value()};
    worker::share_memory(one, std::uint64_t{64} << 30, folder);
    EXPECT_EQ(one[0].threads, std::min(16U, formats::Workers::processors()));
    EXPECT_EQ(one[0].spool_folder, folder);
    std::vector<formats::OutputKind> many(3, formats::output_kind_from("raw.xz").value());
    for (formats::OutputKind& kind : many) kind.level = 9;  // 710 MiB for each thread
    worker::share_memory(many, std::uint64_t{4} << 30, folder);
    for (const formats::OutputKind& kind : many) EXPECT_EQ(kind.threads, 1U);
}

TEST_F(Produce, what_is_stopped_ends_as_cancelled_and_leaves_no_whole_file) {
    std::stop_source stop;
    const auto stop_it = [&](double part) {
        if (part > 0.2) stop.request_stop();
    };
    EXPECT_THROW(produce(order({"xva.gz", "raw.gz", "vhd.gz"}), stop_it, stop.get_token()), builders::Cancelled);
    EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
