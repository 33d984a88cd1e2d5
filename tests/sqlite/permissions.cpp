// SPDX-License-Identifier: BSL-1.0
// A file that may not be opened is no damaged one.
#include "support/sqlite_bed.hpp"

#include <unistd.h>
#include <cerrno>
#include <fstream>

namespace tidings::test {

namespace {

namespace files = std::filesystem;
using files::perms;

/// Makes the process an unprivileged user while it lives, because file modes do not restrict root.
class another_user {
 public:
    another_user() { REQUIRE((!was_root_ || ::seteuid(nobody) == 0)); }
    ~another_user() {
        if (was_root_) CHECK(::seteuid(0) == 0);
    }
    another_user(const another_user&) = delete;
    another_user& operator=(const another_user&) = delete;

 private:
    static constexpr uid_t nobody = 65534;
    const bool was_root_ = ::geteuid() == 0;
};

}  // namespace

TEST_CASE("a file that may not be opened is not damaged", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.damaged = sqlite::on_damaged::set_aside;
    stored_history(o).add("a", "1");
    for (const auto& each : files::directory_iterator(folder.path()))
        files::permissions(each.path(), perms::all);
    files::permissions(folder.path(), perms::all);

    auto shut = folder.path();
    error_code expected(EACCES, boost::system::system_category());
    SECTION("for its own mode") {
        shut = o.path;
    }
    SECTION("for that of its folder") {}
    SECTION("for that of its lock") {
        shut = o.path + ".lock";
    }
    SECTION("for that of its log") {
        shut = o.path + "-wal";
        std::ofstream(shut) << "of no commit";
        expected = errc::store_failed;
    }
    files::permissions(shut, perms::none);
    {
        const another_user user;
        net::io_context io;
        error_code ec;
        const sqlite::database db(io.get_executor(), o, ec);
        CHECK(ec == expected);
    }
    files::permissions(shut, perms::all);
    CHECK_FALSE(files::exists(o.path + ".damaged-1"));
    CHECK(stored_history(o).read_all().size() == 1);
}

}  // namespace tidings::test
