#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigrelay/commands/input.h>

static void test_devices_and_nothing_can_be_read_again(void)
{
	struct input in;
	int fd = open("/dev/null", O_RDONLY);
	input_note(&in, fd);
	CU_ASSERT_TRUE(input_repeatable(&in, fd));
	CU_ASSERT_TRUE(input_rewind(&in, fd));
	close(fd);
	input_note(&in, fd);
	CU_ASSERT_TRUE(input_repeatable(&in, fd));
	CU_ASSERT_TRUE(input_rewind(&in, fd));
}

static void test_a_file_goes_back_to_where_it_stood(void)
{
	struct input in;
	char path[] = "/tmp/sigrelay-input.XXXXXX", byte;
	int fd = mkstemp(path);
	CU_ASSERT_EQUAL_FATAL(write(fd, "abc", 3), 3);
	lseek(fd, 1, SEEK_SET);
	input_note(&in, fd);
	CU_ASSERT_EQUAL(read(fd, &byte, 1), 1);
	CU_ASSERT_TRUE(input_repeatable(&in, fd));
	CU_ASSERT_TRUE(input_rewind(&in, fd));
	CU_ASSERT_EQUAL(read(fd, &byte, 1), 1);
	CU_ASSERT_EQUAL(byte, 'b');
	close(fd);
	unlink(path);
}

static void test_a_pipe_without_a_writer_must_hold_what_it_held(void)
{
	struct input in;
	int ends[2];
	char byte;
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL_FATAL(write(ends[1], "ab", 2), 2);
	close(ends[1]);
	input_note(&in, ends[0]);
	CU_ASSERT_TRUE(input_repeatable(&in, ends[0]));
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
	CU_ASSERT_FALSE(input_repeatable(&in, ends[0]));
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
	input_note(&in, ends[0]); /* empty, as CI runners hand it to their steps */
	CU_ASSERT_TRUE(input_repeatable(&in, ends[0]));
	close(ends[0]);
}

static void test_a_pipe_with_a_writer_cannot_be_told(void)
{
	struct input in;
	int ends[2];
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	input_note(&in, ends[0]);
	CU_ASSERT_FALSE(input_repeatable(&in, ends[0]));
	close(ends[1]); /* what was written between may have been read */
	CU_ASSERT_FALSE(input_repeatable(&in, ends[0]));
	close(ends[0]);
}

TEST_SUITE(commands_input, TEST(test_devices_and_nothing_can_be_read_again),
	   TEST(test_a_file_goes_back_to_where_it_stood),
	   TEST(test_a_pipe_without_a_writer_must_hold_what_it_held),
	   TEST(test_a_pipe_with_a_writer_cannot_be_told))
