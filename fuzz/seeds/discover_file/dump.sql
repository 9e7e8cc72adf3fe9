-- MySQL dump 10.13
CREATE TABLE `k` (
  `id` int,
  `email` text
);
INSERT INTO `k` VALUES (1,'a@b.example'),(2,'c\\'d@e.example');
