// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>
#include <tidings/store/sqlite/database.hpp>

namespace tidings::sqlite {

/// The outbox in the file. Everything is in memory, too, within the bounds of `options`: a claim
/// waits for no read, and an operation is as quick as its commit. The mark of an append is written
/// in the transaction that inserts its entries. A claim ends with the process.
///
/// `async_erase` completes when neither the file nor its write-ahead log holds a byte of it; a
/// backup that was made before does. The file is written anew for that, while commits wait: about
/// 10 s for each GiB, once for erasures that wait for the same commit; the log is as large as the
/// file meanwhile, and so is a temporary file. That is errc::store_full where the disk has not room
/// for both, errc::store_failed while a backup or another program reads the log, which keeps it
/// there, or where no temporary file can be made, errc::closed where the database is closed: the
/// rows are gone, the store goes on, and the caller erases again, after a restart if need be.
/// @error of its operations, beside those of `store::outbox`: errc::closed, errc::store_full (for
/// an append), errc::overflow (`max_pending_bytes`), errc::out_of_memory
/// @throws boost::system::system_error with what `database` reports, std::invalid_argument for a
/// second outbox
TIDINGS_DECL std::shared_ptr<store::outbox> make_outbox(database& db,
                                                        store::outbox_options options = {});

}  // namespace tidings::sqlite
